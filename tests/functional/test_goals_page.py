"""Goals of a site: adding, changing and removing them, trying an address, and two admins at once."""

import json
from collections.abc import Iterator
from html import unescape

import pytest

from owa.analytics.goals import MOST, SETTING, Goal, dump, goals_of
from owa.db.configuration import site_id_of
from tests.admin import Visitor, add_user
from tests.failures import execute
from tests.html_forms import Fields, form_of
from tests.servers import DOMAIN, SITE_ID, Answer, Install, Installation, Server
from tests.web import Web

SITE = f"/admin/settings/sites/{SITE_ID}"
PAGE = f"{SITE}/goals"
THANKS = Goal(1, "Order placed", "exact", "/thanks", 1_250)
BLOG = Goal(2, "Reads", "begins", "/blog/", 0)
REGEX = "matches the regular expression"
XSS = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_goals(installation: Installation) -> None:
    store(installation, "")


def store(installation: Installation, text: str, **more: str) -> None:
    """What the site's setting holds, whoever wrote it."""
    settings = json.dumps({SETTING: text, **more}).encode()
    execute(installation, "UPDATE owa_site SET settings = ? WHERE site_id = ?", settings, SITE_ID)


def stored(installation: Installation) -> list[dict[str, object]]:
    (row,) = installation.query("SELECT settings FROM owa_site WHERE site_id = ?", SITE_ID)
    goals = json.loads(row["settings"]).get(SETTING, "")
    return list(json.loads(goals)) if goals else []


def fields(admin: Visitor, path: str = PAGE, **typed: str) -> Fields:
    return admin.form(path, "goal.name") | {f"goal.{name}": text for name, text in typed.items()}


def problem(answer: Answer, field: str) -> str:
    """What the page says at a field."""
    assert answer.status == 400
    return unescape(answer.body.decode().split(f'id="goal.{field}-problem">')[1].split("</p>")[0])


def test_without_goals_the_page_says_what_one_is(admin: Visitor) -> None:
    page = admin.text(PAGE)
    assert "No goal is set." in page
    assert "<table>" not in page
    assert "None is set so far." in admin.text(SITE)


def test_a_goal_is_added_changed_and_removed(admin: Visitor, installation: Installation) -> None:
    typed = fields(admin, name="Order placed", pattern=f"{DOMAIN}/thanks/#top", value="12,5")
    page = unescape(admin.send(PAGE, typed))
    assert "Goal 1 is saved, and counts from the next event on. Its pattern is kept as /thanks" in page
    assert stored(installation) == [
        {"number": 1, "name": "Order placed", "match": "exact", "pattern": "/thanks", "value": 1250}
    ]
    admin.send(PAGE, fields(admin, name="Reads", match="begins with", pattern="/blog/"))
    page = admin.send(PAGE, fields(admin, name="Found", match=REGEX, pattern="^/search[?]", value="1000"))
    assert "2 of 15" not in page
    assert "1,000.00" in page
    assert "3 of 15 are set." in admin.page(SITE)

    first = f"{PAGE}?goal=1"
    form = fields(admin, first)
    assert (form["goal.match"], form["goal.pattern"], form["goal.value"]) == ("equals", "/thanks", "12.50")
    assert "Nothing was changed." in admin.send(first, form)
    admin.send(first, fields(admin, first, value="", match="begins with"))
    assert stored(installation)[0] | {"number": 1} == {
        "number": 1, "name": "Order placed", "match": "begins", "pattern": "/thanks", "value": 0,
    }  # fmt: skip

    assert admin.told(f"{PAGE}?goal=2", act="remove", shown=shown_of(admin, 2)) == "Goal 2 was removed."
    assert [goal["number"] for goal in stored(installation)] == [1, 3]
    admin.send(PAGE, fields(admin, name="Again", pattern="/again"))
    assert [goal["number"] for goal in stored(installation)] == [1, 2, 3]


def shown_of(admin: Visitor, number: int) -> str:
    """The hidden mark in the form that removes a goal."""
    return admin.page(PAGE).split(f'goals?goal={number}#edit"><input')[1].split('name="shown" value="')[1].split('"')[0]


def test_the_trail_tells_what_was_changed(admin: Visitor, installation: Installation) -> None:
    store(installation, dump([THANKS]))
    admin.send(f"{PAGE}?goal=1", fields(admin, f"{PAGE}?goal=1", value="5"))
    entry = installation.rows("owa_audit")[-1]
    assert (entry["action"], entry["subject"]) == ("change goals", DOMAIN)
    assert json.loads(entry["before"]) == {"goal 1": "Order placed: equals /thanks, 12.50"}
    assert json.loads(entry["after"]) == {"goal 1": "Order placed: equals /thanks, 5.00"}
    admin.told(f"{PAGE}?goal=1", act="remove", shown=shown_of(admin, 1))
    entry = installation.rows("owa_audit")[-1]
    assert (json.loads(entry["before"]), json.loads(entry["after"])) == (
        {"goal 1": "Order placed: equals /thanks, 5.00"},
        {},
    )


@pytest.mark.parametrize(
    ("field", "typed", "wanted"),
    [
        ("name", {"name": ""}, "wants a name"),
        ("name", {"name": "x" * 101}, "wants at most 100 characters"),
        ("match", {"match": "contains"}, "wants one of equals, begins with, matches the regular expression"),
        ("pattern", {"pattern": ""}, "wants a page, such as /thanks"),
        ("pattern", {"pattern": "https://other.example/thanks"}, "is a page of other.example"),
        (
            "pattern",
            {"pattern": "(", "match": REGEX},
            "is no regular expression of RE2: missing )",
        ),
        (
            "pattern",
            {"pattern": "x" * 10_000, "match": REGEX},
            "wants at most 2,000 characters",
        ),
        ("pattern", {"pattern": "/a\nb"}, "wants one line"),
        ("value", {"value": "1,250"}, "wants an amount such as 12.50"),
        ("value", {"value": "-1"}, "wants an amount such as 12.50"),
        ("value", {"value": "1e9"}, "wants an amount such as 12.50"),
        ("value", {"value": "٣"}, "wants an amount such as 12.50"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    admin: Visitor, installation: Installation, field: str, typed: dict[str, str], wanted: str
) -> None:
    store(installation, dump([BLOG]))
    good = {"name": "Kept", "pattern": "/kept", "value": "7"}
    answer = admin.post(PAGE, fields(admin, **good | typed))
    assert wanted in problem(answer, field)
    again = form_of(answer.body.decode(), "goal.name")
    assert all(again[f"goal.{name}"] == text for name, text in (good | typed).items() if name != "match")
    assert len(stored(installation)) == 1


def test_a_pattern_is_judged_by_how_it_is_compared(admin: Visitor, installation: Installation) -> None:
    store(installation, dump([Goal(1, "Found", "exact", "/(", 0)]))
    path = f"{PAGE}?goal=1"
    assert "missing )" in problem(admin.post(path, fields(admin, path, match=REGEX)), "pattern")


def test_sixteen_goals_are_too_many(admin: Visitor, installation: Installation) -> None:
    store(installation, dump(Goal(number, "A goal", "exact", f"/{number}", 0) for number in range(1, MOST)))
    form = fields(admin, name="The last", pattern="/last")
    admin.send(PAGE, form)
    assert "All 15 goals are taken" in admin.page(PAGE)
    assert 'id="goal.name"' not in admin.page(PAGE)
    assert admin.post(PAGE, form).status == 409
    assert len(stored(installation)) == MOST


def test_a_goal_that_was_added_twice_is_one(admin: Visitor, installation: Installation) -> None:
    form = fields(admin, name="Once", pattern="/once")
    admin.send(PAGE, form)
    answer = admin.post(PAGE, form)
    assert answer.status == 409
    assert "somebody else has changed this" in answer.body.decode()
    assert len(stored(installation)) == 1


def test_two_admins_do_not_overwrite_each_other(admin: Visitor, server: Server, installation: Installation) -> None:
    store(installation, dump([THANKS, BLOG]))
    other, path = Visitor(server).log_in(), f"{PAGE}?goal=1"
    his, hers = fields(admin, path, name="His"), fields(other, path, value="99")
    of_another = fields(other, f"{PAGE}?goal=2", name="Reads the blog")
    admin.send(path, his)
    answer = other.post(path, hers)
    assert answer.status == 409
    assert "somebody else has changed this" in answer.body.decode()
    assert (stored(installation)[0]["name"], stored(installation)[0]["value"]) == ("His", 1250)
    again = form_of(answer.body.decode(), "goal.name")
    assert (again["goal.name"], again["goal.value"]) == ("His", "99")
    other.send(path, again)
    other.send(f"{PAGE}?goal=2", of_another)  # which nobody else has changed
    assert [(goal["name"], goal["value"]) for goal in stored(installation)] == [("His", 9900), ("Reads the blog", 0)]


def test_what_another_admin_removed_is_not_changed_or_removed_again(admin: Visitor, installation: Installation) -> None:
    store(installation, dump([THANKS, BLOG]))
    form, shown = fields(admin, f"{PAGE}?goal=1", name="Mine"), shown_of(admin, 1)
    store(installation, dump([BLOG]))
    answer = admin.post(f"{PAGE}?goal=1", form)
    assert answer.status == 409
    assert form_of(answer.body.decode(), "goal.name")["goal.pattern"] == "/thanks"  # ready to be added
    store(installation, dump([Goal(1, "Another", "exact", "/another", 0)]))
    assert admin.post(f"{PAGE}?goal=1", {"act": "remove", "shown": shown}).status == 409
    assert [goal["name"] for goal in stored(installation)] == ["Another"]


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("https://example.org/thanks/index.html?sid=7#top", "<code>/thanks</code> reaches this goal:"),
        ("/blog/2026", "<code>/blog/2026</code> reaches this goal:"),
        ("nowhere", "<code>/nowhere</code> reaches no goal."),
        ("https://[", "is no address of a page"),
        (XSS, "reaches no goal."),
    ],
)
def test_an_address_can_be_tried(admin: Visitor, installation: Installation, address: str, wanted: str) -> None:
    store(installation, dump([THANKS, BLOG]), query_string_filters="sid", default_page="index.html")
    form = admin.form(PAGE, "address") | {"address": address}
    page = admin.page(f"{PAGE}?address={form['address'].replace('?', '%3F').replace('#', '%23')}".replace(" ", "%20"))
    assert wanted in page
    assert XSS not in page
    assert form_of(page, "address")["address"] == address


def test_damaged_goals_are_said_and_mended_by_a_change(admin: Visitor, installation: Installation) -> None:
    store(installation, '[{"number": 99}, ' + dump([THANKS])[1:])
    page = admin.page(PAGE)
    assert "could not be read in full" in page
    assert "Order placed" in page
    page = admin.send(PAGE, fields(admin, name="New", pattern="/new"))
    assert "could not be read in full" not in page
    assert [goal["number"] for goal in stored(installation)] == [1, 2]


def test_the_sites_own_form_leaves_its_goals(admin: Visitor, installation: Installation) -> None:
    store(installation, dump([THANKS]))
    admin.send(SITE, admin.form(SITE, "site.name") | {"site.description": "Mine"})
    assert len(stored(installation)) == 1


def test_others_see_the_goals_of_their_sites_and_change_none(
    admin: Visitor, server: Server, installation: Installation
) -> None:
    store(installation, dump([THANKS]))
    admin.send("/admin/settings/sites", {"site.domain": "https://theirs.example.org"})
    add_user(installation, "vera", "viewer", [SITE_ID])
    vera = Visitor(server).log_in("vera")
    page = vera.page(PAGE)
    assert "Order placed" in page
    assert "Remove" not in page
    assert 'name="goal.name"' not in page
    assert "reaches this goal" in vera.page(f"{PAGE}?address=/thanks")
    assert vera.get(f"/admin/settings/sites/{site_id_of('https://theirs.example.org')}/goals").status == 404
    for sent in ({"goal.name": "Hers", "goal.pattern": "/hers"}, {"act": "remove"}):
        assert vera.post(f"{PAGE}?goal=1", sent).status == 403
    assert len(stored(installation)) == 1


def test_stored_text_is_escaped(admin: Visitor, installation: Installation) -> None:
    store(installation, dump([Goal(1, XSS, "begins", f"/{XSS}", 0)]))
    for path in (PAGE, f"{PAGE}?goal=1", f"{PAGE}?address=/"):
        page = admin.page(path)
        assert XSS not in page
        assert "&lt;script&gt;" in page


def test_a_saved_goal_counts_as_soon_as_processes_look(web: Web) -> None:
    configuration = web.installation.configuration
    site_id = site_id_of("http://shop.example")
    configuration.refresh()
    assert goals_of(configuration.current().sites[site_id]) == ()
    form = web.visitor("admin").get(f"/admin/settings/sites/{site_id}/goals").forms[1]
    form["goal.name"], form["goal.pattern"], form["goal.value"] = "Order placed", "thanks", "12.50"
    form.submit(status=303)
    configuration.refresh()
    assert goals_of(configuration.current().sites[site_id]) == (THANKS,)

"""Pages, forms' tests and checks of modules, by HTTP inside the test's process: they work, and what misbehaves hurts
nobody else."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text

from owa.accounts.audit import COMMAND_LINE, Change, latest
from owa.contributions import INCOMING
from owa.db.configuration import store_settings
from owa.db.modules import StoredModule, Switch, stored_modules
from owa.errors import UsageError
from owa.switching import switch_off, switch_on
from tests.contributing import FILES, HOOKED
from tests.packages import OTHER_QUEUE, install_package
from tests.web import Web, serve, token

MODULES = "/admin/settings/modules"
FORM = f"{MODULES}/hooked"
ORDERS = "/admin/modules/hooked/orders"
BAD_PAGES = {
    "fails": "ValueError: <b>it does not work</b>",
    "leaves": "SystemExit: 3",
    "wrong": "returns a PageContent, not str",
    "without": "missing.jinja2",
    "broken": "ZeroDivisionError",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """With the package `hooked` installed and switched on."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("packages")
        install_package(folder, "hooked", HOOKED, files=FILES)
        patch.syspath_prepend(folder)
        for web in serve(tmp_path_factory.mktemp("hooked")):
            configure(web, "a secret")
            switch_on(web.installation, "hooked", COMMAND_LINE)
            yield web


def configure(web: Web, key: str | None) -> None:
    with web.installation.database.writing() as connection:
        store_settings(connection, {"hooked.key": key})
    web.installation.configuration.signal_change()


def noted(web: Web) -> StoredModule:
    """What is stored of its failures."""
    web.installation.isolation.tell()
    with web.installation.database.reading() as connection:
        return stored_modules(connection)["hooked"]


def audited(web: Web) -> Change:
    with web.installation.database.reading() as connection:
        return latest(connection, 1)[0]


def send(visitor: Any, page: str, **fields: str) -> Any:
    """A form, as the page has it."""
    with_token = {"csrf_token": token(visitor.get(page)), **fields}
    return visitor.post(page, with_token, expect_errors=True)


def test_a_page_is_shown_with_its_own_template_inside_ours(web: Web) -> None:
    page = web.visitor("admin").get(f"{ORDERS}?said=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<h1>Orders</h1>" in page
    assert "orders, for admin, by a secret: &lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert f'<a href="{ORDERS}" aria-current="page">Orders</a>' in page


@pytest.mark.parametrize(("user", "status"), [("", 303), ("viewer", 200), ("analyst", 200), ("admin", 200)])
def test_a_page_is_for_whom_it_says(web: Web, user: str, status: int) -> None:
    visitor = web.visitor(user)
    assert visitor.get(ORDERS, expect_errors=True).status_int == status
    if user in ("viewer", "analyst"):
        assert visitor.get("/admin/modules/hooked/fails", expect_errors=True).status_int == 403
        navigation = visitor.get("/admin/queues").text.partition("</nav>")[0]
        assert ORDERS in navigation
        assert "/admin/modules/hooked/fails" not in navigation


@pytest.mark.parametrize("path", ["hooked/nothing", "nothing/orders", "utm_campaigns/orders", "hooked/..%2Forders"])
def test_there_are_no_other_pages(web: Web, path: str) -> None:
    assert web.visitor("admin").get(f"/admin/modules/{path}", expect_errors=True).status_int == 404


def test_a_form_is_acted_upon_and_audited(web: Web) -> None:
    visitor = web.visitor("admin")
    answer = send(visitor, ORDERS, number="7")
    assert answer.status_int == 303
    page = answer.follow().text
    assert "Order 7 is added." in page
    change = audited(web)
    assert (change.action, change.subject, change.actor.user_id) == ("add order", "hooked: 7", "admin")
    assert change.after == {"number": "7"}
    with web.installation.database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM hooked_order WHERE number = 7")).scalar_one() == 1


def test_a_form_that_is_refused_says_why(web: Web) -> None:
    answer = send(web.visitor("admin"), ORDERS)
    assert answer.status_int == 409
    assert "Which number? Give &lt;one&gt;." in answer.text


def test_a_form_needs_its_token(web: Web) -> None:
    assert web.visitor("admin").post(ORDERS, {"number": "8"}, expect_errors=True).status_int == 400


def test_a_page_without_forms_takes_none(web: Web) -> None:
    visitor = web.visitor("admin")
    fields = {"csrf_token": token(visitor.get(ORDERS))}
    assert visitor.post("/admin/modules/hooked/without", fields, expect_errors=True).status_int == 405


@pytest.mark.parametrize("slug", BAD_PAGES)
def test_a_page_that_misbehaves_is_explained_and_noted(web: Web, slug: str) -> None:
    answer = web.visitor("admin").get(f"/admin/modules/hooked/{slug}", expect_errors=True)
    assert answer.status_int == 500
    assert "This page cannot be shown." in answer.text
    assert BAD_PAGES[slug] in unescape(answer.text)
    assert "<b>it" not in answer.text
    assert BAD_PAGES[slug] in noted(web).last_error
    assert noted(web).last_error.startswith(f"page {slug}: ")
    assert "Traceback" in noted(web).last_trace
    assert web.visitor("admin").get(ORDERS).status_int == 200


@pytest.mark.parametrize(
    ("slug", "told"), [("fails", "ValueError"), ("leaves", "SystemExit: 3"), ("wrong", "ends with a sentence")]
)
def test_a_form_that_misbehaves_is_explained(web: Web, slug: str, told: str) -> None:
    visitor = web.visitor("admin")
    fields = {"csrf_token": token(visitor.get(ORDERS))}
    answer = visitor.post(f"/admin/modules/hooked/{slug}", fields, expect_errors=True)
    assert answer.status_int == 500
    assert told in answer.text


def test_an_outage_is_not_held_against_a_page(web: Web) -> None:
    web.visitor("admin").get("/admin/modules/hooked/fails", expect_errors=True)
    answer = web.visitor("admin").get("/admin/modules/hooked/away", expect_errors=True)
    assert "The disk is full. Free some." in answer.text
    assert noted(web).last_error.startswith("page fails")


def test_pages_that_fail_again_and_again_switch_nothing_off(web: Web) -> None:
    for _ in range(7):
        web.visitor("admin").get("/admin/modules/hooked/fails", expect_errors=True)
    assert noted(web).switch == "on"


def test_what_checks_find_is_an_alarm_with_its_remedy(web: Web) -> None:
    page = web.visitor("viewer").get("/admin/queues").text
    assert "<strong>The &lt;i&gt;orders&lt;/i&gt; are ill.</strong> Call a doctor." in page
    for told in ("check fails: ValueError", "check leaves: SystemExit", "check wrong: TypeError"):
        assert told in page
    assert "The disk is full" not in page
    assert "orders&lt;/i&gt; are ill" in web.visitor("admin").get(MODULES).text


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("Refuse", "Nobody <answers>. Knock."),
        ("Fail", "test Fail: ValueError: <b>it does not work</b>"),
        ("Leave", "test Leave: SystemExit: 3"),
        ("Wrong", "ends with a sentence, not NoneType"),
        ("Nothing", "There is no such test."),
    ],
)
def test_a_test_that_fails_shows_why(web: Web, test: str, told: str) -> None:
    answer = send(web.visitor("admin"), FORM, test=test)
    assert answer.status_int == 409
    assert told in unescape(answer.text)
    assert "<answers>" not in answer.text


def test_a_test_that_succeeds_says_so(web: Web) -> None:
    visitor = web.visitor("admin")
    answer = send(visitor, FORM, test="Greet")
    assert answer.status_int == 303
    assert "The key is a secret." in answer.follow().text
    assert visitor.post(FORM, {"test": "Greet"}, expect_errors=True).status_int == 400
    viewer = web.visitor("viewer")
    fields = {"test": "Greet", "csrf_token": token(viewer.get("/admin/account"))}
    assert viewer.post(FORM, fields, expect_errors=True).status_int == 403


def test_what_lacks_a_setting_is_not_called_until_it_is_set(web: Web) -> None:
    configure(web, None)
    visitor = web.visitor("admin")
    page = visitor.get(MODULES).text
    section = re.search(r'<section class="module" aria-labelledby="module-hooked">.*?</section>', page, re.DOTALL)
    assert section
    assert "needs configuration" in section[0]
    assert f'<a href="{FORM}">The key</a>' in section[0]
    registry = web.installation.registry
    for found in (registry.jobs, registry.commands, registry.pages, registry.checks):
        assert "hooked" not in {module for module, _ in found}
    assert visitor.get(ORDERS, expect_errors=True).status_int == 404
    form = visitor.get(FORM).text
    assert "It does nothing yet: fill in The key." in form
    assert "Greet" not in form
    fields = {"csrf_token": token(visitor.get(FORM)), "hooked.key": "a secret", "was:hooked.key": ""}
    assert visitor.post(FORM, fields).status_int == 303
    assert visitor.get(ORDERS).status_int == 200


@pytest.mark.parametrize("query", ["said=%ff", "%ff=1", "said=%00", "said=a&said=b"])
def test_odd_addresses_are_not_held_against_a_page(web: Web, query: str) -> None:
    before = noted(web)
    assert web.visitor("admin").get(f"{ORDERS}?{query}", expect_errors=True).status_int in (200, 400)
    assert noted(web) == before


def test_a_setting_that_the_only_queue_needs_cannot_be_emptied(
    web: Web, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = (
        "from owa.module_api import text\n"
        "@hookimpl\n"
        "def owa_settings(): return [text('other_queue.place', default='', required=True, help='Where.')]\n"
    )
    folder = tmp_path_factory.mktemp("queues")
    monkeypatch.syspath_prepend(install_package(folder, "other_queue", OTHER_QUEUE + setting))
    form, name = f"{MODULES}/other_queue", "other_queue.place"
    switch_on(web.installation, "other_queue", COMMAND_LINE)
    with pytest.raises(UsageError, match="file_queue is the only module that serves"):
        switch_off(web.installation, "file_queue", COMMAND_LINE)
    assert send(web.visitor("admin"), form, **{name: "here", f"was:{name}": ""}).status_int == 303
    switch_off(web.installation, "file_queue", COMMAND_LINE, Switch.PARKED)
    for emptied in ({name: "", f"was:{name}": "here"}, {f"reset:{name}": "1"}):
        refused = send(web.visitor("admin"), form, **emptied)
        assert refused.status_int == 400
        assert "is needed: no other module serves the queue incoming_tracking_events" in refused.text
    switch_on(web.installation, "file_queue", COMMAND_LINE)
    assert send(web.visitor("admin"), form, **{f"reset:{name}": "1"}).status_int == 303
    assert web.installation.registry.owner(INCOMING) == "file_queue"
    switch_off(web.installation, "other_queue", COMMAND_LINE, Switch.PARKED)

"""Forms made from declarations: what they show, take, refuse and store."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

import owa
from owa.settings import (
    Setting,
    Settings,
    boolean,
    choice,
    integer,
    networks,
    resolve,
    text,
    time_zone,
    words,
)
from owa.views.filters import time_zones
from owa.views.forms.field import LONGEST
from owa.views.forms.form import Form, form_of, plain_form
from tests import html_forms

SWITCH = boolean("shop.switch", default=True, help="On or off.", group="Goods", restart=True)
COUNT = integer("shop.maxCount", default=25, least=0, most=100, help="How many.", unit="pieces", group="Goods")
TITLE = text("shop.title", default="none", help="A <b>title</b>.", label="Its <title>")
KEY = text("shop.key", default="", help="A key.", secret=True)
COLOUR = choice("shop.colour", default="red", of=("red", "green"), help="Of the goods.")
NAMES = words("shop.names", default=("a", "b"), help="Who.")
PROXIES = networks("shop.proxies", help="Where.")
ZONE = time_zone("shop.zone", default="UTC", help="When.")
ALL: tuple[Setting[Any], ...] = (TITLE, SWITCH, COUNT, KEY, COLOUR, NAMES, PROXIES, ZONE)

TEMPLATES = Path(owa.__file__).parent / "templates"


def form(stored: dict[str, str] | None = None, environment: dict[str, str] | None = None, **ini: str) -> Form:
    return form_of(ALL, resolve(ALL, environment=environment or {}, ini=ini, stored=stored))


def rendered(shown: Form) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters["moment"] = str
    environment.globals["time_zones"] = time_zones
    return f"<form>{environment.get_template('forms.jinja2').make_module().fields(shown)}</form>"  # type: ignore[attr-defined]


def sent(shown: Form, **changes: str) -> list[tuple[str, object]]:
    """What a browser sends, with some fields of `shop.` changed."""
    fields = html_forms.form_of(rendered(shown), "shop.title")
    return list((fields | {f"shop.{name}": value for name, value in changes.items()}).items())


def problems(shown: Form) -> dict[str, str]:
    return {field.setting.name: field.problem for field in shown.problems}


def test_what_was_not_touched_is_not_stored() -> None:
    for shown in (form(), form({SWITCH.name: "off", NAMES.name: "x, y\nz", PROXIES.name: "10.0.0.1", KEY.name: "k"})):
        filled = shown.filled(sent(shown))
        assert (filled.problems, filled.changes) == ([], {})
    assert form().filled([]).changes == {}


@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("title", " A title ", "A title"),
        ("title", "", ""),
        ("switch", "false", "false"),
        ("maxCount", "7", "7"),
        ("key", "hunter2", "hunter2"),
        ("colour", "green", "green"),
        ("names", "a\r\nc", "a\nc"),
        ("names", "", ""),
        ("proxies", "10.0.0.0/8\r\n::1", "10.0.0.0/8\n::1"),
        ("zone", "Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_what_was_changed_is_stored(name: str, typed: str, stored: str) -> None:
    filled = form().filled(sent(form(), **{name: typed}))
    assert filled.problems == []
    assert filled.changes == {f"shop.{name}": stored}


@pytest.mark.parametrize(("name", "typed"), [("maxCount", "025"), ("names", "a, b"), ("switch", "on")])
def test_the_same_value_in_other_words_is_no_change(name: str, typed: str) -> None:
    assert form().filled(sent(form(), **{name: typed})).changes == {}


@pytest.mark.parametrize(
    ("name", "typed", "wanted"),
    [
        ("switch", "maybe", "wants true/false"),
        ("maxCount", "101", "wants a whole number from 0 to 100"),
        ("maxCount", "1e1", "wants a whole number"),
        ("maxCount", "", "wants a whole number"),
        ("maxCount", "9" * 5_000, "wants a whole number"),
        ("colour", "blue", "wants one of red, green"),
        ("proxies", "10.0.0.256", "wants IP addresses or networks"),
        ("zone", "Europe/Berln", "(did you mean Europe/Berlin?)"),
        ("zone", "../../etc/passwd", "wants a time zone"),
        ("title", "x" * (LONGEST + 1), "wants at most 10,000 characters"),
        ("names", "a\x00", "wants no control characters"),
        ("title", "a\x1b[31m", "wants no control characters"),
    ],
)
def test_a_bad_value_is_refused_and_kept(name: str, typed: str, wanted: str) -> None:
    filled = form().filled(
        sent(form(), title="good", **{name: typed}) if name != "title" else sent(form(), title=typed)
    )
    (problem,) = problems(filled).values()
    assert wanted in problem
    shown = rendered(filled)
    assert 'aria-invalid="true"' in shown
    assert f'href="#shop.{name}"' in shown
    assert typed in html_forms.form_of(shown, f"shop.{name}").get(f"shop.{name}", "") or name == "switch"


def test_all_problems_are_shown_at_once_and_what_was_typed_is_kept() -> None:
    typed = {"maxCount": "-1", "zone": "Mars/Olympus", "title": "fine", "names": "c\nd", "switch": "false"}
    filled = form().filled(sent(form(), **typed))
    assert set(problems(filled)) == {COUNT.name, ZONE.name}
    again = html_forms.form_of(rendered(filled), COUNT.name)
    assert {name: again[f"shop.{name}"] for name in typed} == typed
    mended = form().filled((again | {COUNT.name: "1", ZONE.name: "UTC"}).items())
    assert mended.changes == {TITLE.name: "fine", NAMES.name: "c\nd", SWITCH.name: "false", COUNT.name: "1"}


def test_hostile_text_is_escaped() -> None:
    hostile = '"><script>alert(1)</script></textarea><b>'
    shown = form({TITLE.name: hostile, NAMES.name: hostile})
    for html in (rendered(shown), rendered(shown.filled(sent(shown, title=hostile + "2", zone=hostile)))):
        assert "<script" not in html
        assert "<b>" not in html
        assert "<title>" not in html
    assert html_forms.form_of(rendered(shown), TITLE.name)[TITLE.name] == hostile


def test_unknown_names_and_files_are_ignored() -> None:
    filled = form().filled([("shop.nope", "1"), ("base.queue_events", "1"), (TITLE.name, object()), ("reset:x", "1")])
    assert (filled.problems, filled.changes) == ([], {})


@pytest.mark.parametrize("layer", [{"environment": {"OWA_SHOP_TITLE": "set"}}, {"owa.shop.title": "set"}], ids=str)
def test_environment_and_ini_values_are_shown_and_locked(layer: dict[str, Any]) -> None:
    shown = form({TITLE.name: "stored"}, **layer)
    html = rendered(shown)
    assert ">set<" in html
    assert f'name="{TITLE.name}"' not in html
    assert ("OWA_SHOP_TITLE" if "environment" in layer else "owa.shop.title") in html
    posted = [(TITLE.name, "other"), (f"was:{TITLE.name}", "set"), (f"reset:{TITLE.name}", "1")]
    assert shown.filled(posted).changes == {}


def test_sources_and_defaults_are_shown() -> None:
    html = rendered(form({COUNT.name: "7"}))
    assert "Back to the default: 25" in html
    assert html.count("Set here.") == 1
    assert html.count("Default.") == len(ALL) - 2  # but for the stored one, and the secret that there is not


def test_back_to_the_default() -> None:
    shown = form({COUNT.name: "7"})
    filled = shown.filled([*sent(shown, maxCount="nonsense"), (f"reset:{COUNT.name}", "1")])
    assert filled.changes == {COUNT.name: None}
    assert (filled.before, filled.after) == ({COUNT.name: "7"}, {COUNT.name: "25 (default)"})


def test_there_is_no_way_back_from_the_default() -> None:
    assert form().filled([(f"reset:{COUNT.name}", "1")]).changes == {}


def test_a_secret_never_leaves() -> None:
    shown = form({KEY.name: "hunter2"}, environment={"OWA_SHOP_TITLE": "https://me:hunter2@example.org/"})
    filled = shown.filled([(KEY.name, "hunter3"), (COUNT.name, "-1")])
    for html in (rendered(shown), rendered(filled)):
        assert "hunter" not in html
        assert "https://me:••••••@example.org/" in html
    assert "hunter" not in str(filled.before | filled.after)
    assert filled.before[KEY.name] != filled.after[KEY.name]  # or the trail would leave it out


def test_an_empty_secret_keeps_the_old_one_and_a_box_clears_it() -> None:
    shown = form({KEY.name: "hunter2"})
    assert shown.filled(sent(shown)).changes == {}
    assert "Clear it" in rendered(shown)
    assert shown.filled([(f"reset:{KEY.name}", "1")]).changes == {KEY.name: None}


def test_what_somebody_else_changed_meanwhile_is_not_undone() -> None:
    sent_late = sent(form(), title="mine")
    assert form({COUNT.name: "7", SWITCH.name: "off"}).filled(sent_late).changes == {TITLE.name: "mine"}


def test_fields_stand_under_their_headings() -> None:
    groups = form().groups
    assert {heading: len(fields) for heading, fields in groups.items()} == {"": 6, "Goods": 2}
    html = rendered(form())
    assert 'aria-labelledby="group-2"' in html
    assert html.count("Counts after a restart") == 1
    assert 'min="0" max="100" value="25"' in html
    assert "pieces" in html


def test_labels_come_from_names() -> None:
    assert (COUNT.label, KEY.label, TITLE.label) == ("Max count", "Key", "Its <title>")


def test_every_control_has_a_label() -> None:
    html = rendered(form())
    for setting in ALL:
        assert f'<label for="{setting.name}">' in html
        assert f'id="{setting.name}"' in html


def test_a_check_that_fails_is_a_problem_of_the_field() -> None:
    def parse(value: str) -> dict[str, str]:
        raise KeyError(value)

    odd = Setting("shop.odd", parse, {"x": "y"}, "Odd.")
    shown = form_of([odd], Settings())
    assert shown.filled([(odd.name, "y")]).problems[0].problem == "cannot be checked: KeyError('y')"
    assert shown.filled([]).problems == []


def test_something_new_is_checked_as_a_whole() -> None:
    new = plain_form([COUNT, COLOUR], resolve([COUNT, COLOUR], environment={}), new=True)
    filled = new.filled([(f"was:{COUNT.name}", ""), (COUNT.name, "")])
    assert set(problems(filled)) == {COUNT.name, COLOUR.name}
    assert "Default." not in rendered(new)

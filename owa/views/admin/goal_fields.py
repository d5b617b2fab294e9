"""The fields of a goal, declared as settings are."""

import hashlib
import re
from collections.abc import Iterable, Iterator

from owa.analytics.goal_patterns import pattern_of
from owa.analytics.goals import Goal, Match, dump
from owa.contributions import Site
from owa.settings import Setting, choice, resolve
from owa.views.forms.form import WAS, Form, plain_form

LONGEST_NAME = 100
"""Characters."""

MATCHES: dict[str, Match] = {"equals": "exact", "begins with": "begins", "matches the regular expression": "regex"}
"""By what people call them."""

_WORDS = {match: word for word, match in MATCHES.items()}


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("wants a name in one line, such as Order placed")
    if len(text) > LONGEST_NAME:
        raise ValueError(f"wants at most {LONGEST_NAME} characters")
    return text


def _pattern(text: str) -> str:
    """What can be said without the other fields: see `checked`."""
    if not text.isprintable():
        raise ValueError("wants one line")
    return text


def _cents(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,13}([.,][0-9]{1,2})?", text or "0"):
        raise ValueError("wants an amount such as 12.50, without currency and thousands separators")
    units, _, hundredths = text.replace(",", ".").partition(".")
    return int(units or "0") * 100 + int(hundredths.ljust(2, "0"))


NAME = Setting("goal.name", _name, default="", help="What it is called, such as Order placed.")
MATCH = choice(
    "goal.match",
    default="equals",
    of=tuple(MATCHES),
    label="A page counts if it",
    help="Regular expressions are RE2's, found anywhere in the address unless they say ^ or $.",
)
PATTERN = Setting(
    "goal.pattern",
    _pattern,
    default="",
    help="Path and query as the browser shows them, such as /thanks or /order?step=4. Of a whole address, they are "
    "taken. Pages are compared without the last slash and without campaign parameters.",
)
VALUE = Setting(
    "goal.value",
    _cents,
    default=0,
    help="What it is worth when a session reaches it, such as 12.50. Where an order reaches it, the order's total "
    "counts instead.",
)
_FIELDS = (NAME, MATCH, PATTERN, VALUE)


def goal_form(goal: Goal | None) -> Form:
    """For a goal that there is, or a new one."""
    stored = _texts(goal) if goal else {}
    return plain_form(_FIELDS, resolve(_FIELDS, environment={}, stored=stored), new=goal is None)


def checked(form: Form, site: Site, ignored: Iterable[str]) -> Form:
    """With what is wrong with the pattern, which depends on how it is compared and on the site; and with fields that
    nobody touched, where something else than this form had stored them."""
    for field in form.fields:
        try:
            field.setting.parse(field.text)
        except ValueError as error:
            form = form.with_problem(field.setting.name, str(error))
    if any(field.setting in (MATCH, PATTERN) for field in form.problems):
        return form
    try:
        pattern_of(MATCHES[form.texts[MATCH.name]], form.texts[PATTERN.name], site, ignored)
    except ValueError as error:
        return form.with_problem(PATTERN.name, str(error))
    return form


def goal_of(form: Form, number: int, site: Site, ignored: Iterable[str]) -> Goal:
    """The goal that a form without problems describes."""
    texts = form.texts
    match = MATCHES[texts[MATCH.name]]
    pattern = pattern_of(match, texts[PATTERN.name], site, ignored)
    return Goal(number, texts[NAME.name], match, pattern, VALUE.parse(texts[VALUE.name]))


def touched(sent: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """What of a sent form somebody changed: the rest stays as it is by now, also if another admin has changed it."""
    texts = dict(sent)
    return ((name, text) for name, text in texts.items() if not name.startswith(WAS) and texts.get(WAS + name) != text)


def fingerprint(goals: Iterable[Goal]) -> str:
    """Another one for other goals: tells whether a page shows them as they are."""
    return hashlib.sha256(dump(goals).encode()).hexdigest()[:16]


def in_words(goal: Goal | None) -> str:
    """For the audit trail."""
    return f"{goal.name}: {_WORDS[goal.match]} {goal.pattern}, {amount(goal.value)}" if goal else ""


def match_in_words(goal: Goal) -> str:
    return _WORDS[goal.match]


def amount(cents: int) -> str:
    """In units of the currency."""
    return f"{cents // 100:,}.{cents % 100:02}"


def _texts(goal: Goal) -> dict[str, str]:
    return {
        NAME.name: goal.name,
        MATCH.name: _WORDS[goal.match],
        PATTERN.name: goal.pattern,
        VALUE.name: amount(goal.value).replace(",", ""),
    }

"""The filter of failed events, as it stands in an address."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pyramid.request import Request

from owa.clock import MICROSECONDS
from owa.events import parse_identifier
from owa.queues.contract import FailedFilter, FailedState, Place
from owa.views.filters import moment

CORE = "core"
"""What the core is called among the handlers."""

IDS = {"guid": "guid", "session": "session_id", "visitor": "visitor_id"}
"""What can be searched by: names in the address, and the filter's fields."""

ALL = "all"
"""A filter that leaves nothing out, for a person."""

LONGEST = 300
"""Characters of a value."""

_MINUTE = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    wanted: FailedFilter
    texts: Mapping[str, str]
    """By name, what is not empty."""
    problems: tuple[str, ...]
    """Values that are none. With one, nothing is done with all that match."""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for but the state."""
        return bool(self.texts.keys() - {"state", "by"})


def asked(request: Request) -> Asked:
    """No database keeps a NUL, so none is looked for."""
    given = {name: request.GET.get(name, "").replace("\0", "").strip()[:LONGEST] for name in _NAMES}
    texts = {name: text for name, text in given.items() if text}
    problems: list[str] = []

    def read(name: str, parse: Callable[[str], Any], complaint: str) -> Any:
        if name not in texts:
            return None
        value = parse(texts[name])
        if value is None:
            problems.append(complaint)
        return value

    handler = texts.get("handler")
    wanted = FailedFilter(
        event_type=texts.get("type", ""),
        site_id=texts.get("site", ""),
        handler="" if handler == CORE else handler,
        server=read("server", _server, "A server is a number from 0 to 999."),
        error=texts.get("error", ""),
        fingerprint=texts.get("group", ""),
        since=read("from", _minute, "From is a time such as 2026-11-22T08:00."),
        until=read("to", _minute, "To is a time such as 2026-11-22T08:00."),
        state=read("state", _state, "There is no such state.") or FailedState.FAILED,
    )
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        problems.append("From is not before To: nothing can match.")
    number = read("id", parse_identifier, "An id is a number of at most 19 digits.")
    if number is not None:
        wanted = replace(wanted, **{IDS.get(texts.get("by", ""), "guid"): number})
    return Asked(wanted, texts, tuple(problems))


def query_of(wanted: FailedFilter) -> dict[str, str]:
    """What an address has to say so that it asks for that."""
    ids = [(name, getattr(wanted, field)) for name, field in IDS.items()]
    by, number = next(((name, value) for name, value in ids if value is not None), ("", None))
    query = {
        "state": "" if wanted.state is FailedState.FAILED else wanted.state.value,
        "group": wanted.fingerprint,
        "error": wanted.error,
        "type": wanted.event_type,
        "site": wanted.site_id,
        "handler": CORE if wanted.handler == "" else wanted.handler or "",
        "server": "" if wanted.server is None else str(wanted.server),
        "from": _text(wanted.since),
        "to": _text(wanted.until),
        "by": by,
        "id": "" if number is None else str(number),
    }
    return {name: value for name, value in query.items() if value}


def in_words(wanted: FailedFilter) -> str:
    """The filter, for a person."""
    moments = {
        name: f"{moment(at)} UTC" for name, at in (("from", wanted.since), ("to", wanted.until)) if at is not None
    }
    said = [f"{name} {value}" for name, value in (query_of(wanted) | moments).items() if name != "by"]
    return ", ".join(said) or ALL


def place(text: str) -> Place | None:
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18}|[1-8][0-9]{18})(?::([^\0]+))?", text)
    return (int(found[1]), int(found[2]), found[3] or "") if found else None


def place_text(spot: Place) -> str:
    """What `place` reads."""
    return f"{spot[0]}-{spot[1]}" + (f":{spot[2]}" if spot[2] else "")


def _server(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,3}", text) else None


def _minute(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return max(0, round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * MICROSECONDS))
    except (ValueError, OverflowError):
        return None


def _text(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime(_MINUTE)


def _state(text: str) -> FailedState | None:
    return FailedState(text) if text in set(FailedState) else None


_NAMES = ("state", "group", "error", "type", "site", "handler", "server", "from", "to", "by", "id")

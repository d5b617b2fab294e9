"""What travels through the queues: events, and short notes of what was refused.

JSON carries ids as strings: they are 19 digits long, and JavaScript (among others) would round them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import orjson

from owa.clock import MICROSECONDS
from owa.errors import RecordError

CODEC_VERSION = 1
"""Version of the JSON form. A reader refuses any other with a reason, and keeps the bytes."""

LARGEST_ID = 2**63 - 1

LONGEST_NAME = 255
"""Characters of a site id or an event type: as many as their columns hold."""

T = TypeVar("T")

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""A NUL as JSON text spells it: with an odd number of backslashes."""

Key = tuple[int, int]
"""(received_at in microseconds, guid): the order by which first, last, least and greatest are decided."""


class RefusalReason(StrEnum):
    """Why a tracking request became no event. The value is what counts and metrics are labelled with."""

    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    BAD_SITE_ID = "bad_site_id"
    BAD_VISITOR_ID = "bad_visitor_id"
    BAD_SESSION_ID = "bad_session_id"
    UNREGISTERED_SITE = "unregistered_site"
    DO_NOT_LOG = "do_not_log"
    DO_NOT_TRACK = "do_not_track"
    """The visitor's browser asked for it, and the settings say that this counts."""
    FILTERED = "filtered"
    """By a module."""
    ROBOT = "robot"
    EXCLUDED_ADDRESS = "excluded_address"
    URL_TOO_LONG = "url_too_long"
    BODY_TOO_LONG = "body_too_long"
    TOO_MANY_PARAMETERS = "too_many_parameters"
    MALFORMED_REQUEST = "malformed_request"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a visitor did. All times are the server's: client time is never used."""

    guid: int
    """19 digits, unique over all servers (see `owa.tracking.guids`)."""
    event_type: str
    site_id: str
    visitor_id: int
    session_id: int
    received_at: int
    """Microseconds since the epoch, at the server that took the request."""
    server: int
    """Number of that server, 0 to 999."""
    properties: Mapping[str, Any]
    """Everything else, as sent (names without the `owa_` prefix) and as seen in the request."""

    @property
    def timestamp(self) -> int:
        """Seconds since the epoch."""
        return self.received_at // MICROSECONDS

    @property
    def key(self) -> Key:
        return self.received_at, self.guid


class _NewEvent:
    """An event that is being made: until then it is not frozen."""

    __slots__ = Event.__slots__

    def __init__(
        self,
        guid: int,
        event_type: str,
        site_id: str,
        visitor_id: int,
        session_id: int,
        received_at: int,
        server: int,
        properties: Mapping[str, Any],
    ) -> None:
        self.guid = guid
        self.event_type = event_type
        self.site_id = site_id
        self.visitor_id = visitor_id
        self.session_id = session_id
        self.received_at = received_at
        self.server = server
        self.properties = properties
        self.__class__ = Event  # type: ignore[assignment]


new_event: Callable[[int, str, str, int, int, int, int, Mapping[str, Any]], Event] = _NewEvent  # type: ignore[assignment]
"""`Event`, in a quarter of the time, for where many are made. Of all fields, in their order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that became no event. It travels in the queue so that its count survives a crash."""

    reason: RefusalReason
    site_id: str
    """Empty when the site is unknown: all unknown sites share one bucket."""
    received_at: int
    server: int
    detail: str = ""
    """What was wrong with it, in a few words, for the admin."""


Entry = Event | Refusal


def to_document(event: Event) -> dict[str, Any]:
    """The JSON form of an event, as a dict that any JSON library can write."""
    return {
        "guid": str(event.guid),
        "type": event.event_type,
        "site": event.site_id,
        "visitor": str(event.visitor_id),
        "session": str(event.session_id),
        "received": event.received_at,
        "server": event.server,
        "properties": event.properties,
    }


def from_document(document: Mapping[str, Any]) -> Event:
    """The event of a JSON form. Raises `RecordError` naming the field that is missing or wrong."""
    properties = _field(document, "properties", dict)
    return new_event(
        _identifier(document, "guid"),
        _name(document, "type"),
        _name(document, "site"),
        _identifier(document, "visitor"),
        _identifier(document, "session"),
        _moment(document),
        _server(document),
        properties,
    )


def refusal_to_document(refusal: Refusal) -> dict[str, Any]:
    return {
        "refused": refusal.reason.value,
        "site": refusal.site_id,
        "received": refusal.received_at,
        "server": refusal.server,
        "detail": refusal.detail,
    }


def refusal_from_document(document: Mapping[str, Any]) -> Refusal:
    """The refusal of a JSON form. Raises `RecordError`."""
    try:
        reason = RefusalReason(_field(document, "refused", str))
    except ValueError as error:
        raise RecordError(f"The refusal has an unknown reason: {str(error)[:100]}.") from error
    return Refusal(
        reason=reason,
        site_id=_name(document, "site"),
        received_at=_moment(document),
        server=_server(document),
        detail=_field(document, "detail", str),
    )


def entry_from_document(document: Mapping[str, Any]) -> Entry:
    """Whichever it is. Raises `RecordError`."""
    return refusal_from_document(document) if "refused" in document else from_document(document)


def dumps(entry: Entry) -> bytes:
    """The event or refusal as versioned JSON text, to keep in a database or send to another server."""
    body = to_document(entry) if isinstance(entry, Event) else refusal_to_document(entry)
    return orjson.dumps({"v": CODEC_VERSION, **body})


def loads(text: bytes | str) -> Event:
    """The event of `dumps`. Raises `RecordError`."""
    return from_document(parse_versioned(text))


def loads_entry(text: bytes | str) -> Entry:
    """The event or refusal of `dumps`. Raises `RecordError`."""
    return entry_from_document(parse_versioned(text))


def parse_versioned(text: bytes | str) -> dict[str, Any]:
    """Any versioned JSON object of ours. Raises `RecordError` for all else. NUL, which not every database can keep,
    becomes U+FFFD."""
    try:
        document = orjson.loads(_without_nul(text))
    except orjson.JSONDecodeError as error:
        raise RecordError(f"It is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise RecordError("It is JSON, but not an object.")
    if document.get("v") != CODEC_VERSION:
        raise RecordError(
            f"It has version {str(document.get('v'))[:20]!r}; this OWA reads version {CODEC_VERSION}.",
            "Drain it with the OWA version that wrote it, or update this one.",
        )
    return document


def parse_identifier(text: str) -> int | None:
    """The id that `text` spells in 1 to 19 ASCII digits, above 0 and below 2^63; else None."""
    if not (len(text) <= 19 and text.isdigit() and text.isascii()):
        return None
    value = int(text)
    return value if 0 < value <= LARGEST_ID else None


def _field(document: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = document.get(name)
    if type(value) is not kind:  # to isinstance, true would be a number
        raise _wrong(name, value, kind, "")
    return value


def _wrong(name: str, value: object, kind: type[Any], what: str) -> RecordError:
    """`what`: what is wrong with it, if it is of that kind."""
    problem = what if type(value) is kind else f"is missing or not of type {kind.__name__}"
    return RecordError(f"Its field {name!r} {problem}.")


def _name(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    if type(value) is str and len(value) <= LONGEST_NAME:
        return value
    raise _wrong(field, value, str, f"is longer than {LONGEST_NAME} characters")


def _without_nul(text: bytes | str) -> bytes:
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    return _NUL.sub(rb"\1\\ufffd", data) if b"\\u0000" in data else data


def _identifier(document: Mapping[str, Any], name: str) -> int:
    text = document.get(name)
    value = parse_identifier(text) if type(text) is str else None
    if value is None:
        raise _wrong(name, text, str, "is not an id of 1 to 19 digits")
    return value


def _moment(document: Mapping[str, Any]) -> int:
    value = document.get("received")
    if type(value) is int and 0 <= value < 2**53:
        return value
    raise _wrong("received", value, int, "is not a time in microseconds")


def _server(document: Mapping[str, Any]) -> int:
    value = document.get("server")
    if type(value) is int and 0 <= value <= 999:
        return value
    raise _wrong("server", value, int, "is not a number from 0 to 999")

"""The body of a batch: what the sender says of itself, and events, as JSON, packed by gzip."""

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from owa.errors import RecordError
from owa.events import CODEC_VERSION, Event, parse_versioned, to_document

LONGEST = 4 << 20
"""Bytes of a body, as sent."""

LONGEST_UNPACKED = 32 << 20
"""Bytes, unpacked."""

MOST_EVENTS = 5_000

LONGEST_EVENT = 256 << 10
"""Bytes of an event's JSON text: more than any tracking request can bring."""


class TooLarge(RecordError):
    """A limit is exceeded. The remedy is to send less at once."""


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """How a sender is. It rides on each batch."""

    server: int
    """Its number."""
    host: str = ""
    version: str = ""
    """Of OWA."""
    generation: int = 0
    """Of the configuration that it has applied."""
    depth: int = 0
    """Events that it still has to send, those of this batch included."""
    oldest_at: int | None = None
    """When the oldest of them was received, in microseconds."""


@dataclass(frozen=True, slots=True)
class Body:
    """A batch, as it was read."""

    status: SenderStatus
    events: tuple[Any, ...]
    """Documents that are yet to be checked, one by one."""


def pack(status: SenderStatus, events: Sequence[Event]) -> bytes:
    """The body of a batch, packed."""
    document = {"v": CODEC_VERSION, "status": asdict(status), "events": [to_document(event) for event in events]}
    return gzip.compress(orjson.dumps(document), compresslevel=5)


def name_of(events: Sequence[Event], records: str = "") -> str:
    """A name for a batch of these events: the same whenever they are sent together. `records`: tells which records of
    a queue they were; an event that has been refused and is sent again is another one."""
    text = "\n".join((records, *(str(event.guid) for event in events)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def unpack(data: bytes, *, is_packed: bool) -> Body:
    """The batch of a body. Raises `TooLarge`, or `RecordError` that names what is wrong with it."""
    document = parse_versioned(_inflate(data) if is_packed else data)
    events, status = document.get("events"), document.get("status", {})
    if not isinstance(events, list) or not isinstance(status, dict):
        raise RecordError("It has no list of events.")
    if len(events) > MOST_EVENTS:
        raise TooLarge(f"It has more than {MOST_EVENTS} events.")
    return Body(_status(status), tuple(events))


def size_of(document: Any) -> int:
    """Bytes of a document as JSON text. Raises `RecordError` when it is nested too deeply to be written."""
    try:
        return len(orjson.dumps(document))
    except orjson.JSONEncodeError as error:
        raise RecordError(f"It cannot be written: {error}.") from error


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(data, LONGEST_UNPACKED + 1)
    except zlib.error as error:
        raise RecordError(f"It is not gzip: {error}.") from error
    if len(text) > LONGEST_UNPACKED:
        raise TooLarge(f"It is longer than {LONGEST_UNPACKED} bytes, unpacked.")
    if not inflater.eof or inflater.unused_data:
        raise RecordError("It is gzip that was cut off, or goes on behind its end.")
    return text


def _status(document: Mapping[str, Any]) -> SenderStatus:
    """Lenient: a later version may say more, or other things. Only the number must be one."""
    server = document.get("server", -1)
    if type(server) is not int or not 0 <= server <= 999:
        raise RecordError("It does not say which server sends it: status.server is no number from 0 to 999.")
    return SenderStatus(
        server=server,
        host=_text(document.get("host")),
        version=_text(document.get("version")),
        generation=_number(document.get("generation")) or 0,
        depth=_number(document.get("depth")) or 0,
        oldest_at=_number(document.get("oldest_at")),
    )


def _text(value: Any) -> str:
    return value[:255] if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return max(0, min(value, 2**53)) if type(value) is int else None

"""The records of queue files: RFC 7464 JSON text sequences, that is 0x1E, JSON, newline.

JSON text never holds either byte, so after a short write (full disk) or a crash the next record is found whatever the
fragment before it looks like. Each record names its writer and counts up, for each site, from 1: a gap is a loss.
"""

from typing import NamedTuple

import orjson

from owa.errors import RecordError
from owa.events import (
    CODEC_VERSION,
    LARGEST_ID,
    Entry,
    Event,
    entry_from_document,
    parse_versioned,
    refusal_to_document,
    to_document,
)

SEPARATOR = b"\x1e"
TERMINATOR = b"\n"

_START = SEPARATOR + b'{"v":%d,' % CODEC_VERSION
EVENT_START = _START + b'"guid":'
"""How the record of an event starts, and no other: events can be counted without being read."""

LONGEST_WRITER = 64
"""Characters of a writer's name."""

LONGEST = 1 << 20
"""Bytes of a record. The request limits make longer ones impossible: one is not ours."""


class Record(NamedTuple):
    """An entry with its place among those of its writer."""

    entry: Entry
    writer: str
    sequence: int
    """Counts the writer's records of the entry's server and site, from 1, without gaps."""


def encode(record: Record) -> bytes:
    """The record's bytes, separator and terminator included."""
    return encode_entry(record.entry, record.writer, record.sequence)


def encode_entry(entry: Entry, writer: str, sequence: int) -> bytes:
    """The same, of the record's parts."""
    document = to_document(entry) if isinstance(entry, Event) else refusal_to_document(entry)
    document["writer"] = writer
    document["sequence"] = sequence
    return _START + orjson.dumps(document, None, orjson.OPT_APPEND_NEWLINE)[1:]


def decode(text: bytes) -> Record:
    """The record of JSON text (without separator and terminator). Raises `RecordError`."""
    document = parse_versioned(text)
    writer, sequence = document.get("writer"), document.get("sequence")
    if not isinstance(writer, str) or len(writer) > LONGEST_WRITER or type(sequence) is not int:
        raise RecordError("It names no writer, or has no sequence number.")
    if not 0 < sequence <= LARGEST_ID:
        raise RecordError("Its sequence number is none that counts from 1.")
    return Record(entry_from_document(document), writer, sequence)

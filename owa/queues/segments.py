"""Reading queue files: blocks of records, and whatever else stands between them, with its offset."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from owa.errors import RecordError
from owa.queues import records
from owa.queues.contract import Quarantined
from owa.queues.records import LONGEST, SEPARATOR, TERMINATOR, Record

BLOCK = 2 << 20
"""Bytes read at once: about 2,000 records, and the bound of the reader's memory."""

EXCERPT = 120


@dataclass(frozen=True, slots=True)
class Block:
    """Part of a segment."""

    records: list[Record]
    quarantined: list[Quarantined]
    end: int
    """Offset behind the block: where the next one starts. Equal to the start at the end of the file."""


def read_block(file: BinaryIO, name: str, start: int, limit: int, size: int = BLOCK) -> Block:
    """At most `limit` lines of the segment `name`, from offset `start`, that are whole in the next `size` bytes.

    The file must not be written to any more: a last line without a newline counts as a line.
    """
    data = os.pread(file.fileno(), size, start)
    if not data:
        return Block([], [], start)
    end = data.rfind(TERMINATOR) + 1
    if end == 0:
        if len(data) < size:
            end = len(data)
        else:
            return _overlong(file, name, start)
    elif len(data) < size:
        end = len(data)
    block = Block([], [], start)
    offset = 0
    for line in data[:end].split(TERMINATOR, limit)[:limit]:
        _read_line(line, start + offset, name, block)
        offset += len(line) + 1
    return Block(block.records, block.quarantined, start + min(offset, end))


def _read_line(line: bytes, offset: int, name: str, block: Block) -> None:
    """One line is one record, unless a short write or foreign text is on it too."""
    if line.count(SEPARATOR) == 1 and line.startswith(SEPARATOR):
        _read_record(line, offset, name, block)
        return
    for part in _parts(line):
        _read_record(part, offset, name, block)
        offset += len(part)


def _parts(line: bytes) -> Iterator[bytes]:
    """The line cut before each separator."""
    first, *others = line.split(SEPARATOR)
    if first:
        yield first
    for other in others:
        yield SEPARATOR + other


def _read_record(part: bytes, offset: int, name: str, block: Block) -> None:
    try:
        if not part.startswith(SEPARATOR):
            raise RecordError("It does not start like a record.")
        if len(part) > LONGEST:
            raise RecordError(f"It is longer than {LONGEST} bytes.")
        block.records.append(records.decode(part[1:]))
    except RecordError as error:
        block.quarantined.append(_quarantine(part, offset, len(part), name, str(error)))


def _overlong(file: BinaryIO, name: str, start: int) -> Block:
    """A whole block without a newline: skip to the next separator or newline, a block at a time."""
    head = os.pread(file.fileno(), EXCERPT, start)
    position = start + 1
    while data := os.pread(file.fileno(), BLOCK, position):
        ends = [at for at in (data.find(SEPARATOR), data.find(TERMINATOR) + 1 or -1) if at >= 0]
        if ends:
            position += min(ends)
            break
        position += len(data)
    reason = f"It is longer than {LONGEST} bytes."
    return Block([], [_quarantine(head, start, position - start, name, reason)], position)


def _quarantine(part: bytes, offset: int, length: int, name: str, reason: str) -> Quarantined:
    excerpt = part[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return Quarantined(name, offset, length, reason, excerpt)

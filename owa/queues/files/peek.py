"""Looks into queue files for the eye: counting, the oldest, the latest. Never decides a fate.

A file that is drained meanwhile, or that cannot be read, holds nothing to see.
"""

from pathlib import Path
from typing import BinaryIO

from owa.events import Event
from owa.queues.records import EVENT_START
from owa.queues.segments import read_block

BLOCK = 1 << 20
TAIL = 256 << 10
"""Bytes at a file's end in which the latest events are looked for."""


def count_events(path: Path, start: int) -> int:
    """How many events stand in the file behind offset `start`. Reads it all, at the disk's speed."""
    try:
        with path.open("rb") as file:
            return count_between(file, start, path.stat().st_size)
    except OSError:
        return 0


def count_between(file: BinaryIO, start: int, end: int) -> int:
    """How many events begin at or behind offset `start` of the file and are recognised before `end`: those that are cut
    there count in the part behind it. Raises `OSError`."""
    count, overlap = 0, len(EVENT_START) - 1
    start = max(0, start - overlap) if start else 0
    left, carried = end - start, b""
    file.seek(start)
    while left > 0 and (data := file.read(min(BLOCK, left))):
        left -= len(data)
        data = carried + data
        count += data.count(EVENT_START)
        carried = data[-overlap:]
    return count


def oldest_event(path: Path, start: int) -> int | None:
    """When the first event behind `start` was received, in microseconds."""
    limit = 100
    try:
        with path.open("rb") as file:
            while (block := read_block(file, path.name, start, limit)).end > start:
                for record in block.records:
                    if isinstance(record.entry, Event):
                        return record.entry.received_at
                start, limit = block.end, BLOCK
    except OSError:
        pass
    return None


def latest_events(path: Path, start: int, count: int) -> list[Event]:
    """The last `count` events of the file's tail, latest first."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    tail = _events(path, max(start, size - TAIL), limit=TAIL)
    return tail[::-1][:count]


def _events(path: Path, start: int, limit: int) -> list[Event]:
    try:
        with path.open("rb") as file:
            block = read_block(file, path.name, start, limit)
    except OSError:
        return []
    return [record.entry for record in block.records if isinstance(record.entry, Event)]

"""Looks into queue files for the eye: counting, the oldest, the latest. Never decides a fate.

A file that is drained meanwhile, or that cannot be read, holds nothing to see.
"""

import os
import re
from pathlib import Path

from owa.events import Event
from owa.queues.records import EVENT_START
from owa.queues.segments import BLOCK as LARGEST_BLOCK
from owa.queues.segments import read_block

BLOCK = 1 << 20
STEP = 32 << 10
"""Bytes in which an event begins, as a rule."""

_SECOND = re.compile(re.escape(EVENT_START) + rb'"([0-9]{10})[0-9]{9}"')
"""A guid starts with its second."""

TAIL = 256 << 10
"""Bytes at a file's end in which the latest events are looked for."""


def count_events(path: Path, start: int, stop: int | None = None) -> int:
    """How many heads of events stand in the file from offset `start` on, and before `stop`. Reads that part of it, at
    the disk's speed."""
    count, carried = 0, b""
    try:
        with path.open("rb") as file:
            file.seek(start)
            while data := file.read(BLOCK if stop is None else max(0, min(BLOCK, stop - file.tell()))):
                data = carried + data
                count += data.count(EVENT_START)
                carried = data[1 - len(EVENT_START) :]
    except OSError:
        return 0
    return count


def oldest_event(path: Path, start: int) -> int | None:
    """When the first event behind `start` was received, in microseconds."""
    limit, size = 1, STEP  # as a rule, that is the first record
    try:
        with path.open("rb") as file:
            while (block := read_block(file, path.name, start, limit, size)).end > start:
                for record in block.records:
                    if isinstance(record.entry, Event):
                        return record.entry.received_at
                start, limit, size = (start if size == STEP else block.end), BLOCK, LARGEST_BLOCK
    except OSError:
        pass
    return None


def find_event(path: Path, start: int, guid: int, limit: int) -> tuple[Event | None, int]:
    """The event of that guid behind offset `start`, looked for in at most `limit` bytes; and how many were read."""
    mark = EVENT_START + b'"%d"' % guid
    read, carried = 0, b""
    try:
        with path.open("rb") as file:
            file.seek(start)
            while read < limit and (data := file.read(min(BLOCK, limit - read))):
                read += len(data)
                data = carried + data
                if (at := data.find(mark)) >= 0:
                    block = read_block(file, path.name, start + read - len(data) + at, 1)
                    return next((r.entry for r in block.records if isinstance(r.entry, Event)), None), read
                carried = data[1 - len(mark) :]
    except OSError:
        pass
    return None, read


def second_of(guid: int) -> int:
    """With which a guid starts."""
    return guid // 10**9


def size_behind(path: Path, start: int) -> int:
    """Bytes of the file from offset `start` on."""
    try:
        return max(0, path.stat().st_size - start)
    except OSError:
        return 0


def place_of_moment(path: Path, start: int, second: int) -> int:
    """About the offset at which events stand that were taken in that second, of a file that was filled in their order:
    halved again and again. It is a guess: events that come from other servers stand where they came."""
    try:
        with path.open("rb") as file:
            low, high = start, max(start, os.fstat(file.fileno()).st_size)
            while high - low > STEP:
                middle = (low + high) // 2
                found = _SECOND.search(os.pread(file.fileno(), STEP, middle))
                if found is None or int(found[1]) >= second:
                    high = middle
                else:
                    low = middle
            return low
    except OSError:
        return start


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

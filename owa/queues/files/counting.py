"""Counts the events in queue files, again and again, without reading again what was counted before."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from owa.queues.files.peek import count_events
from owa.queues.records import EVENT_START

HEAD = 256
"""Bytes at the start of a file by which it is known again: each event's guid is its own."""

OVERLAP = len(EVENT_START) - 1
"""Bytes behind the last byte at which an event may begin."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a file."""

    head: bytes
    start: int
    end: int
    """Those are counted that begin before it."""
    events: int


class Counts:
    """Of the files of one queue, in one process. Safe to share between threads."""

    def __init__(self) -> None:
        self._counted: dict[tuple[int, int], Counted] = {}
        self._lock = Lock()

    def total(self, files: Iterable[tuple[Path, int]]) -> int:
        """How many events stand in the files behind the given offsets. What is not among them is forgotten."""
        with self._lock:
            now: dict[tuple[int, int], Counted] = {}
            for path, start in files:
                try:
                    with path.open("rb") as file:
                        found = os.fstat(file.fileno())
                        head = os.pread(file.fileno(), HEAD, 0)
                except OSError:
                    continue  # it is drained
                key = found.st_dev, found.st_ino
                now[key] = _count(path, start, found.st_size, head, self._counted.get(key))
            self._counted = now
            return sum(counted.events for counted in now.values())


def _count(path: Path, start: int, size: int, head: bytes, before: Counted | None) -> Counted:
    end = max(start, size - OVERLAP)  # an event that has begun to be written there is counted when its head is whole
    if before is None or not head.startswith(before.head) or not before.start <= start <= before.end <= end:
        return Counted(head, start, end, count_events(path, start, end + OVERLAP))
    gone = count_events(path, before.start, start + OVERLAP) if start > before.start else 0
    come = count_events(path, before.end, end + OVERLAP) if end > before.end else 0
    return Counted(head, start, end, before.events - gone + come)

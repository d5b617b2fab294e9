"""Counts the events of queue files, again and again, and reads only what has come since the last time."""

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from owa.queues.files.peek import count_between

HEAD = 256
"""Bytes at a file's start that tell it from others: the first record's guid, writer and number are in them."""


@dataclass(slots=True)
class _Counted:
    start: int
    end: int
    count: int


class EventCounts:
    """The counts of one queue's files. A file keeps its count when it is renamed. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[int, bytes], _Counted] = {}

    def of(self, files: list[tuple[Path, int]]) -> int:
        """How many events stand in these files behind the given offsets. Other files are forgotten."""
        with self._lock:
            known: dict[tuple[int, bytes], _Counted] = {}
            total = sum(self._count(path, start, known) for path, start in files)
            self._known = known
            return total

    def _count(self, path: Path, start: int, known: dict[tuple[int, bytes], _Counted]) -> int:
        try:
            with path.open("rb") as file:
                head, status = file.read(HEAD), os.fstat(file.fileno())
                key = status.st_ino, head
                counted = self._known.get(key)
                if counted is None or not counted.start <= start <= counted.end <= status.st_size:
                    counted = _Counted(start, start, 0)
                done = count_between(file, counted.start, start)
                more = count_between(file, counted.end, status.st_size)
        except OSError:
            return 0
        found = _Counted(start, status.st_size, counted.count - done + more)
        if len(head) == HEAD:
            known[key] = found
        return found.count

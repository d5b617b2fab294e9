"""The numbers of a writer's records, kept beside the queue file too: so that even the loss of a last record shows.

Each writer has a file with a line for each site, `number TAB server TAB site_id`, the number rewritten in place after
a put: at once, or under load a moment later for all of that moment.
The writer holds a lock on it, so that one whose writer is gone can be told.
"""

import fcntl
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from owa.events import Entry
from owa.queues.records import encode_entry

Account = tuple[int, str]
"""(server, site_id)."""

WIDTH = 20
"""Digits of a number in the file."""


class Numbering:
    """Gives one writer's records their numbers, for each server and site from 1."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for the writer's file, made with its first record. Works without it where it cannot be written (a
        full disk): then the loss of a last record would not show."""
        self._folder = folder
        self.writer = f"{time.time_ns():x}-{os.getpid()}-{os.urandom(4).hex()}"
        self._last: dict[Account, int] = {}
        self._noted: set[Account] = set()
        """Whose number is still to be written."""
        self._offsets: dict[Account, int] = {}
        self._size = 0
        self._descriptor = -1

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """The records' bytes. Their numbers are given; those of records that are not written are to be withdrawn."""
        if len(entries) == 1:
            (entry,) = entries
            account = (entry.server, entry.site_id)
            number = self._last.get(account, 0) + 1
            data = encode_entry(entry, self.writer, number)
            self._last[account] = number
            self._noted.add(account)
            return data
        last: dict[Account, int] = {}
        parts = []
        for entry in entries:
            account = (entry.server, entry.site_id)
            last[account] = last.get(account, self._last.get(account, 0)) + 1
            parts.append(encode_entry(entry, self.writer, last[account]))
        self._last.update(last)
        self._noted.update(last)
        return b"".join(parts)

    def withdraw(self, entries: Sequence[Entry]) -> None:
        """Take back the numbers of the entries that were encoded last."""
        for entry in entries:
            self._last[entry.server, entry.site_id] -= 1

    def flush(self) -> None:
        """Write the last numbers to the writer's file."""
        noted, self._noted = self._noted, set()
        with suppress(OSError):
            for account in noted:
                if number := self._last[account]:
                    self._write(account, number)

    def close(self) -> None:
        self.flush()
        self.forget()

    def forget(self) -> None:
        """After a fork, in the child: its file, and what is noted for it, are the parent's."""
        self._noted = set()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self._descriptor = os.open(self._folder / self.writer, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _write(self, account: Account, number: int) -> None:
        if self._descriptor < 0:
            self._open()
        digits = b"%0*d" % (WIDTH, number)
        if account in self._offsets:
            os.pwrite(self._descriptor, digits, self._offsets[account])
            return
        server, site_id = account
        line = b"%b\t%d\t%b\n" % (digits, server, site_id.encode())
        if os.pwrite(self._descriptor, line, self._size) == len(line):
            self._offsets[account] = self._size
            self._size += len(line)


def kept_numbers(folder: Path) -> dict[tuple[str, int, str], int]:
    """The last numbers of all writers' files: by (writer, server, site_id)."""
    numbers = {}
    for path in folder.glob("*"):
        with suppress(OSError, ValueError):  # it has just gone, or a full disk cut a line
            for line in path.read_bytes().split(b"\n")[:-1]:
                digits, server, site_id = line.split(b"\t", 2)
                numbers[path.name, int(server), site_id.decode("utf-8", "replace")] = int(digits)
    return numbers


def writers_gone(folder: Path) -> list[Path]:
    """The files of writers that are no more: nobody holds their lock, and their process has ended."""
    gone = []
    for path in folder.glob("*"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_alive(path.name):
                gone.append(path)
    return gone


def _is_alive(writer: str) -> bool:
    """A writer's name has its process's number; without it, we know nothing."""
    number = writer.split("-")[1:2]
    return not number or Path(f"/proc/{number[0]}").exists()

"""Who may write where: files that one user has made may lock out another one, who serves."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from owa.diagnosis.scene import Folders

MOST = 500
"""Files of one folder that are looked at."""

PARTS = ("unprocessed", "archive", "quarantine", "writers")
"""Folders in the folder of a queue."""


def user_name(number: int) -> str:
    """What a user is called; the number where nobody has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def written(folders: Folders) -> Iterable[Path]:
    """The files and folders that are there, and that all who run OWA must be able to write to. Raises `OSError`."""
    yield folders.data
    yield from (path for name in ("owa.db", "owa.db-wal", "owa.db-shm") if (path := folders.data / name).exists())
    yield from _with_files(folders.data / "slots", "*")
    for queue in folders.queues:
        if queue.is_dir():
            yield queue
            yield from (path for name in ("events.txt", "drain.lock") if (path := queue / name).exists())
            yield from sorted(queue.glob("*.runner"))[:MOST]
            yield from (queue / part for part in PARTS[:-1] if (queue / part).is_dir())
            yield from _with_files(queue / "writers", "*")


def read(folders: Folders) -> Iterable[Path]:
    """What a drain reads. Raises `OSError`."""
    for queue in folders.queues:
        yield from sorted((queue / "unprocessed").glob("*.txt"))[:MOST]
        yield from (path for path in (queue / "queue.id",) if path.exists())


def may(user: int, path: Path, wanted: int) -> bool:
    """Whether a user may do that, as far as owner, groups and mode tell. `wanted`: of `os.R_OK`, `os.W_OK`, `os.X_OK`.
    Raises `OSError`."""
    if user == os.geteuid():
        return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)
    if user == 0:
        return True
    found = path.stat()
    shift = 6 if found.st_uid == user else 3 if found.st_gid in _groups(user) else 0
    return found.st_mode >> shift & wanted == wanted


def closed_to(user: int, folders: Folders) -> list[Path]:
    """What a user would have to be able to use, and may not; what keeps him from the rest comes first. Raises
    `OSError`."""
    above = [folder for folder in (folders.data, folders.queue) for folder in reversed(folder.parents)]
    barred = [folder for folder in dict.fromkeys(above) if folder.exists() and not may(user, folder, os.X_OK)]
    if barred:
        return barred
    writes = [path for path in written(folders) if not may(user, path, _use_of(path))]
    return writes + [path for path in read(folders) if not may(user, path, os.R_OK)]


def _use_of(path: Path) -> int:
    return os.R_OK | os.W_OK | (os.X_OK if stat.S_ISDIR(path.stat().st_mode) else 0)


def _with_files(folder: Path, pattern: str) -> Iterable[Path]:
    if folder.is_dir():
        yield folder
        yield from sorted(folder.glob(pattern))[:MOST]


@lru_cache(maxsize=16)
def _groups(user: int) -> frozenset[int]:
    try:
        found = pwd.getpwuid(user)
    except KeyError:
        return frozenset()
    members = (group.gr_gid for group in grp.getgrall() if found.pw_name in group.gr_mem)
    return frozenset({found.pw_gid, *members})

"""What would stop the queue sooner or later."""

import os
import pwd
import shutil
from contextlib import suppress
from pathlib import Path

from owa.module_api import HealthCheck, ModuleContext, Problem

LEAST_SPACE = 100 << 20
"""Bytes. A hundred thousand events, more or less."""


def check_space(context: ModuleContext) -> Problem | None:
    """Whether the disk will be full soon."""
    with suppress(FileNotFoundError):  # without the folder no event is kept, which the queue tells itself
        if (free := shutil.disk_usage(context.folder).free) < LEAST_SPACE:
            return Problem(
                f"Only {free >> 20} MB are left on the disk of {context.folder}.",
                "Free some, with cmd=prune-event-queue-archives or else: on a full disk no event is kept.",
            )
    return None


def check_owner(context: ModuleContext) -> Problem | None:
    """Whether all may append to the file to which events are appended."""
    with suppress(FileNotFoundError):
        file = context.folder / "events.txt"
        of_file, of_folder = file.stat().st_uid, context.folder.stat().st_uid
        if of_file != of_folder:
            return Problem(
                f"{file} belongs to {_user(of_file)}, and its folder to {_user(of_folder)}.",
                f"Let everybody who runs OWA, cron included, be one user: chown -R {_user(of_folder)} {context.folder}",
            )
    return None


def check_moves(context: ModuleContext) -> Problem | None:
    """Whether a drain may move files through the folders."""
    folders = [context.folder / name for name in ("unprocessed", "archive", "quarantine", "writers")]
    closed = [folder for folder in folders if folder.exists() and not _may_write(folder)]
    if closed:
        return Problem(f"A drain cannot write to {closed[0]}.", f"chown -R {_user(os.geteuid())} {context.folder}")
    return None


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


CHECKS = [
    HealthCheck("space on the disk", check_space),
    HealthCheck("owner of events.txt", check_owner),
    HealthCheck("folders of the drain", check_moves),
]

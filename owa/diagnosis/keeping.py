"""The links up to the moment at which an event is kept: the installation, the mode, the disk, rights, the endpoint."""

import os
import shutil
from pathlib import Path

from owa.diagnosis.access import closed_to, user_name
from owa.diagnosis.check import Finding, Verdict, broken, unknown, well
from owa.diagnosis.scene import NotOpened, Scene
from owa.errors import NotInstalled, OwaError, QueueUnavailable
from owa.node import living
from owa.queues.settings import QUEUE_EVENTS

LEAST_SPACE = 100 << 20
"""Bytes. A hundred thousand events, more or less."""

LEAST_FILES = 1_000
"""Files that a disk must still be able to take."""


def look_at_installation(scene: Scene) -> list[Finding]:
    error = scene.error
    if isinstance(error, NotInstalled):
        return broken(error.message, error.remedy)
    if error is not None and not isinstance(error, QueueUnavailable):  # that one is told by the endpoint
        return broken(f"OWA cannot start: {error.message}", error.remedy or "Mend that, and run cmd=diagnose again.")
    if scene.folders is None:
        return unknown("Where it is, is not known.")
    return well(f"It is in {scene.folders.data}.")


def look_at_mode(scene: Scene) -> list[Finding]:
    if scene.settings[QUEUE_EVENTS]:
        return well("Asynchronous: events are queued, and processed by drains.")
    return well("Synchronous: events are processed in the request, and queued only while the database is busy.")


def look_at_disk(scene: Scene) -> list[Finding]:
    if scene.folders is None:
        raise NotOpened
    least, where = min((_free(folder), folder) for folder in (scene.folders.data, scene.folders.queue))
    for folder in (scene.folders.data, scene.folders.queue):
        found = os.statvfs(_there(folder))
        if found.f_files and found.f_favail < LEAST_FILES:
            text = f"Only {found.f_favail} more files can be made on the disk of {folder}."
            return broken(text, "Delete some: python cli.py cmd=prune-event-queue-archives")
    if least < LEAST_SPACE:
        text = f"Only {least >> 20} MB are left on the disk of {where}."
        remedy = "Free some: on a full disk no event is kept. python cli.py cmd=prune-event-queue-archives"
        return broken(text, remedy)
    return well(f"{least >> 20:,} MB are free.")


def look_at_permissions(scene: Scene) -> list[Finding]:
    """As those who serve, and as the one who asks: what one of them makes may lock out the other."""
    folders = scene.folders
    if folders is None or not folders.data.exists():
        raise NotOpened
    owner, me = folders.data.stat().st_uid, os.geteuid()
    as_one = f"Let everybody who runs OWA, cron included, be one user: sudo -u {user_name(owner)} python cli.py …"
    try:
        serving = _serving(scene) or {owner}
        for user in sorted(serving):
            if found := closed_to(user, folders):
                return [_closed(found, user, "who serves", _opening(user, folders.data, found))]
        if me not in serving and (found := closed_to(me, folders)):
            return [_closed(found, me, "who runs this", as_one)]
    except PermissionError as error:
        return [_closed([Path(error.filename or folders.data)], me, "who runs this", as_one)]
    names = ", ".join(user_name(user) for user in sorted({*serving, me}))
    return well(f"All may be written to by {names}.")


def look_at_endpoint(scene: Scene) -> list[Finding]:
    """Can an event be kept now?"""
    try:
        if not scene.is_open and isinstance(scene.error, QueueUnavailable):
            raise scene.error
        scene.opened.incoming.check()
        scene.next_guid()
    except OwaError as error:
        text = f"Events cannot be kept: trackers are answered 503. {error.message}"
        return broken(text, error.remedy or "See the server's log.")
    except OSError as error:
        text = f"Events get no guid: trackers are answered 503. {error.filename or 'slots'}: {error.strerror}."
        return broken(text, "Free disk space if there is none; else let the user that runs OWA write there.")
    return well("An event can be kept now.")


def _serving(scene: Scene) -> set[int]:
    """The users whose processes serve here; empty: none is known."""
    running = [*scene.serving, *([living(scene.runner.pid)] if scene.runner and scene.runner.pid else [])]
    return {one.user for one in running if one.user is not None}


def _closed(found: list[Path], user: int, role: str, remedy: str) -> Finding:
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    owner = _owner(found[0])
    text = f"{user_name(user)}, {role}, cannot use {found[0]}{more}. It belongs to {owner}."
    return Finding(Verdict.BROKEN, text, remedy)


def _opening(user: int, data: Path, found: list[Path]) -> str:
    """The command that lets the user use these."""
    is_his = found[0].stat().st_uid == user
    return f"{'chmod -R u+rwX' if is_his else f'chown -R {user_name(user)}'} {_parts(data, found)}"


def _owner(path: Path) -> str:
    try:
        return user_name(path.stat().st_uid)
    except OSError:
        return "somebody else"


def _parts(data: Path, found: list[Path]) -> str:
    """The folder that is to be given away: the data folder, unless the queue is elsewhere."""
    return str(data if all(path.is_relative_to(data) for path in found) else found[0])


def _there(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(one for one in (folder, *folder.parents) if os.access(one, os.F_OK))


def _free(folder: Path) -> int:
    return shutil.disk_usage(_there(folder)).free

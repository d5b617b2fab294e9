"""Files that several users' processes share: cron as root must not lock out the server that runs as somebody else."""

import os
from pathlib import Path


def give_to_folder_owner(path: Path, descriptor: int | None = None) -> None:
    """When root made the file or folder: hand it to the owner of the folder that it is in. Else do nothing.

    `descriptor`: of the open file, when somebody may be renaming it.
    """
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path if descriptor is None else descriptor, owner.st_uid, owner.st_gid)


def make_folder(path: Path) -> None:
    """Make the folder, and those above it, where missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        give_to_folder_owner(path)

"""The page on what was put aside: parts of queue files that are no events, and the files that were drained."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from owa.module_api import (
    COPIED,
    AdminPage,
    Capability,
    Folder,
    ModuleContext,
    PageContent,
    PageContext,
    QuarantinedPart,
    QueueUnavailable,
    UsageError,
    forget_quarantined,
    quarantined_parts,
)
from owa.modules.file_queue.archive import folder_of

PARTS, FILES = 200, 50
"""That are listed."""


@dataclass(frozen=True, slots=True)
class Put:
    """A file with parts that are no events."""

    queue_id: str
    segment: str
    where: str
    """Its path, or why there is none."""
    may_go: bool
    parts: list[QuarantinedPart]


@dataclass(frozen=True, slots=True)
class Archived:
    """A drained file."""

    name: str
    size: int
    at: int
    """When it was filed, in microseconds."""


def show(context: PageContext) -> PageContent:
    folder = folder_of(context)
    with context.database.reading() as connection:
        parts = quarantined_parts(connection, PARTS + 1)
    by_file = sorted(parts[:PARTS], key=lambda part: (part.segment, part.queue_id, part.position), reverse=True)
    found = groupby(by_file, lambda part: (part.queue_id, part.segment))
    archived = archived_files(folder.archive)
    return PageContent(
        "quarantine.jinja2",
        {
            "files": [_put(folder, *key, list(group)) for key, group in found],
            "are_more": len(parts) > PARTS,
            "archived": archived[:FILES],
            "count": len(archived),
            "size": sum(file.size for file in archived),
            "archive": str(folder.archive),
        },
    )


def delete(context: PageContext, fields: Mapping[str, str]) -> str:
    """Delete a file that somebody has seen, and the notes on it. Raises `UsageError`."""
    queue_id, segment = fields.get("queue_id", ""), fields.get("segment", "")
    with context.database.writing() as connection:
        if problem := _why_not(context, queue_id, segment):
            raise UsageError(problem)
        if not forget_quarantined(connection, queue_id, segment):
            raise UsageError(f"Nothing is noted of a file {segment:.100}.", "Reload this page.")
        context.note(connection, "delete quarantined file", segment)
        if queue_id != COPIED:  # that one is not ours
            (folder_of(context).quarantine / segment).unlink(missing_ok=True)
    return f"{segment} is deleted."


def archived_files(archive: Path) -> list[Archived]:
    """The latest first."""
    found = []
    for path in archive.glob("*.txt"):
        try:
            status = path.stat()
        except FileNotFoundError:  # it was pruned a moment ago
            continue
        found.append(Archived(path.name, status.st_size, status.st_mtime_ns // 1_000))
    return sorted(found, key=lambda file: file.at, reverse=True)


def _put(folder: Folder, queue_id: str, segment: str, parts: list[QuarantinedPart]) -> Put:
    path = folder.quarantine / segment
    if queue_id == COPIED:
        return Put(queue_id, segment, "A file that was drained from elsewhere, and left where it was.", True, parts)
    if queue_id != folder.queue_id:
        return Put(queue_id, segment, "On another server: delete it there.", False, parts)
    if (folder.unprocessed / segment).exists():
        return Put(queue_id, segment, "It is being drained.", False, parts)
    return Put(queue_id, segment, str(path) if path.exists() else "The file is gone.", True, parts)


def _why_not(context: ModuleContext, queue_id: str, segment: str) -> str:
    """Why it cannot be deleted here; empty: it can."""
    if not segment or Path(segment).name != segment:
        return f"{segment!a:.100} is no name of a queue file."
    try:
        put = _put(folder_of(context), queue_id, segment, [])
    except QueueUnavailable as error:
        return str(error)
    return "" if put.may_go else f"{segment} cannot be deleted here. {put.where}"


PAGE = AdminPage("quarantine", "Quarantine", Capability.EDIT_MODULES, show, delete)

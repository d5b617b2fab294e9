"""A queue that takes a drain through all that it knows to do."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from owa.app import open_installation
from owa.clock import SystemClock
from owa.events import Entry, Event, Refusal, RefusalReason
from owa.queues.append import wait_for_writers
from owa.queues.files.folder import Folder
from owa.testing.traffic import Plan, generate
from tests.factories import NOON, make_event
from tests.faults.aftermath import launch, recover, state
from tests.faults.killed import CALLS, REACHED
from tests.faults.processes import CONTEXT
from tests.servers import DOMAIN, SITE_ID, Install, Installation

POISON = "poison"
"""The title of a page that the database refuses to store."""

TRAFFIC = generate(Plan(events=24, sites=(SITE_ID,), seed=1))


def view(number: int, session: int, *, first: bool = False, **properties: str) -> Event:
    flag = {"is_new_session": "true"} if first else {}
    return make_event(
        guid=1_795_291_200_000_00_0000 + number,
        site_id=SITE_ID,
        session_id=session,
        visitor_id=session % 2 + 1,
        received_at=NOON + number,
        properties={"page_url": f"{DOMAIN}/{number % 3}", **flag, **properties},
    )


REFUSED = Refusal(RefusalReason.ROBOT, SITE_ID, NOON, 0)
EARLY = [view(2, 11), view(3, 11)]
"""They wait for the first page of their session."""
ADOPTED = view(4, 12)
"""The first page of its session never comes."""
POISONED = view(5, 13, first=True, page_title=POISON)

PARTS: list[list[Entry]] = [
    [*TRAFFIC[:12], TRAFFIC[3], *EARLY, REFUSED, POISONED],
    [*TRAFFIC[12:18], EARLY[0], view(1, 11, first=True), ADOPTED],
    [*TRAFFIC[18:], TRAFFIC[0], view(6, 11), REFUSED],
]
"""One for each segment, the last one not rotated yet."""

EVENTS = {entry.guid for part in PARTS for entry in part if isinstance(entry, Event)}
STORED = EVENTS - {POISONED.guid}

DRAIN = ("--", "cli", "cmd=processEventQueue")
"""To `launch`."""


@dataclass(frozen=True)
class Untouched:
    """What a drain does that nobody kills."""

    state: dict[str, list[tuple[object, ...]]]
    calls: int


def fill(data_dir: Path) -> None:
    """Put the parts. For a process of its own: the drain looks for writers that are no more."""
    installation = open_installation({"OWA_DATA_DIR": str(data_dir)}, {})
    folder = Folder(installation.queue_dir, SystemClock(), durable=False)
    for part in PARTS:
        folder.rotate()
        for segment in folder.segments():
            wait_for_writers(segment)  # in a burst they stay with it
        installation.incoming.put(part)
    installation.close()


@pytest.fixture(scope="session")
def prepared(install: Install) -> Installation:
    """To be copied. Its orphans are adopted at once."""
    installation = install(OWA_ORPHAN_SESSION_AGE="0")
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.execute(
            f"CREATE TRIGGER poison BEFORE INSERT ON owa_document WHEN new.page_title = '{POISON}' "
            "BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        )
    process = CONTEXT.Process(target=fill, args=(installation.data_dir,))
    process.start()
    process.join()
    assert process.exitcode == 0
    return installation


def copy_of(installation: Installation, folder: Path) -> Installation:
    shutil.copytree(installation.data_dir, folder / "owa-data")
    return Installation(folder, installation.variables)


@pytest.fixture(scope="session")
def untouched(prepared: Installation, tmp_path_factory: pytest.TempPathFactory) -> Untouched:
    installation = copy_of(prepared, tmp_path_factory.mktemp("untouched"))
    drained = launch(installation, CALLS, "0", *DRAIN)
    assert (drained.status, drained.out) == (0, "")
    (reached,) = REACHED.findall(drained.err)
    recover(installation)
    return Untouched(state(installation.database), int(reached[1]))

"""A queue that takes a drain through all that it knows to do."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from owa.app import open_installation
from owa.clock import SystemClock
from owa.events import Entry, Event, Refusal, RefusalReason
from owa.modules.file_queue.folder import Folder
from owa.testing.traffic import Plan, generate
from tests.factories import NOON, make_event
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


def fill(data_dir: Path) -> None:
    """Put the parts. For a process of its own: the drain looks for writers that are no more."""
    installation = open_installation({"OWA_DATA_DIR": str(data_dir)}, {})
    folder = Folder(installation.queue_dir, SystemClock(), durable=False)
    for part in PARTS:
        folder.rotate()
        installation.incoming.put(part)
    installation.close()


@pytest.fixture(scope="module")
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

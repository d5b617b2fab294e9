"""Events that fail for real: of a type that nobody handles, or refused by a damaged table that can be mended."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from owa.app import open_installation
from owa.clock import SystemClock
from owa.events import Event
from tests.servers import DOMAIN, SITE_ID, Installation

POISON = "poison"
"""The title of a page that a damaged table refuses."""


def event(number: int, event_type: str = "base.page_request", site_id: str = SITE_ID, **properties: Any) -> Event:
    """The first page of a session of its own."""
    guid = 1_795_291_200_000_000_000 + number
    page = {"page_url": f"{DOMAIN}/{number}", "page_title": POISON, "is_new_session": "true"}
    return Event(guid, event_type, site_id, guid, guid, guid // 1_000, 0, page | properties)


def fail(installation: Installation, *events: Event) -> None:
    """Let these fail for good."""
    put(installation, *events)
    before = broken(installation)
    assert installation.cli("cmd=processEventQueue", OWA_QUEUE_MAX_RETRY_COUNT="1").status == 1
    assert broken(installation) == before + len(events)


def put(installation: Installation, *events: Event) -> None:
    """Onto the incoming queue, past the collector, which would refuse some of them."""
    opened = open_installation({"OWA_DATA_DIR": str(installation.data_dir)}, {}, SystemClock())
    opened.incoming.put(events)
    opened.close()


def broken(installation: Installation) -> int:
    return len(installation.query("SELECT id FROM owa_queue_item WHERE status = 'broken'"))


@contextmanager
def damaged(installation: Installation, title: str = POISON) -> Iterator[None]:
    """A table that refuses pages of that title, until it is mended."""
    when = f"new.page_title = '{title}' BEGIN SELECT RAISE(ABORT, 'refused: <b>{title}</b>'); END"
    execute(installation, f"CREATE TRIGGER poison BEFORE INSERT ON owa_document WHEN {when}")
    yield
    execute(installation, "DROP TRIGGER poison")


def execute(installation: Installation, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(installation.database, timeout=30)) as connection, connection:
        connection.execute(sql, parameters)

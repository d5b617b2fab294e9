"""Failed events that are retried or discarded: the ledger keeps up with them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from owa.analytics.counting import count_facts
from owa.analytics.tables import REQUEST, SESSION
from owa.app import Installation, open_installation
from owa.clock import SystemClock
from owa.db.counts import Outcome
from owa.db.migrate import upgrade
from owa.events import Event, dumps
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.acts import discard, give_up, restore
from owa.processing.drain import drain_events, drain_retries
from owa.processing.ledger import Ledger, Line
from owa.queues.contract import FailedFilter
from tests.page_views import counts, page_view, rows
from tests.postgresql import NewUrl


def view(number: int, *, session: int, first: bool = False) -> Event:
    event = page_view(number, session=session, first=first)
    return replace(event, guid=event.guid + event.server * 10**6)


ORPHAN = view(1, session=5)
UNKNOWN = replace(view(2, session=6), event_type="unknown")


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl) -> Iterator[Installation]:
    """Both events are given up at once."""
    environment = {
        "OWA_DATA_DIR": str(tmp_path),
        "OWA_DATABASE_URL": new_url(),
        "OWA_QUEUE_MAX_RETRY_COUNT": "1",
        "OWA_ORPHAN_SESSIONS": "fail",
        "OWA_ORPHAN_SESSION_AGE": "0",
    }
    installation = open_installation(environment, {})
    upgrade(installation.database)
    installation.incoming.put([ORPHAN, UNKNOWN])
    drain(installation)
    assert (line(installation).took, line(installation).failed, line(installation).drift) == (2, 2, 0)
    yield installation
    installation.close()


def drain(installation: Installation) -> None:
    assert drain_events(installation.incoming, installation.processor).outage is None
    assert drain_retries(installation.processor).outage is None


def line(installation: Installation) -> Line:
    parts = (installation.database, installation.incoming, installation.retries, count_facts)
    (line,) = Ledger(*parts).verify()
    return line


def retry(installation: Installation, event: Event) -> None:
    with installation.database.writing() as connection:
        assert len(installation.retries.retry(connection, [(event.guid, "")], SystemClock().now())) == 1


def throw_away(installation: Installation, *events: Event) -> None:
    with installation.database.writing() as connection:
        keys = [(event.guid, "") for event in events]
        assert len(discard(connection, installation.retries, keys, SystemClock().now())) == len(events)


def test_discarded_events_are_counted(installation: Installation) -> None:
    throw_away(installation, ORPHAN, UNKNOWN)
    for _ in range(2):
        found = line(installation)
        assert (found.failed, found.discarded, found.drift) == (0, 2, 0)
        with installation.database.writing() as connection:
            installation.retries.flush(connection, SystemClock().now() + 1)  # the count outlives the rows
    expected = {("s1", "session"): 1, ("s1", "everything"): 1}
    assert counts(installation.database, Outcome.DISCARDED) == expected


def test_retrying_event_that_is_discarded_is_counted_until_that_is_undone(installation: Installation) -> None:
    retry(installation, UNKNOWN)
    now, keys = SystemClock().now(), [(UNKNOWN.guid, "")]
    with installation.database.writing() as connection:
        assert len(give_up(connection, installation.retries, keys, now)) == 1
    found = line(installation)
    assert (found.retrying, found.failed, found.discarded, found.drift) == (0, 1, 1, 0)
    with installation.database.writing() as connection:
        assert len(restore(connection, installation.retries, keys, now)) == 1
    found = line(installation)
    assert (found.retrying, found.failed, found.discarded, found.drift) == (0, 2, 0, 0)


def test_row_of_a_discarded_event_is_missed(installation: Installation) -> None:
    throw_away(installation, ORPHAN)
    with installation.database.writing() as connection:
        connection.execute(delete(REQUEST).where(REQUEST.c.id == ORPHAN.guid))
    assert line(installation).drift == -1


def test_one_that_fails_again_is_failed_again(installation: Installation) -> None:
    retry(installation, UNKNOWN)
    assert (line(installation).retrying, line(installation).failed, line(installation).drift) == (1, 1, 0)
    drain(installation)
    assert (line(installation).retrying, line(installation).failed, line(installation).drift) == (0, 2, 0)


def test_one_that_can_be_processed_now_is(installation: Installation) -> None:
    with installation.database.writing() as connection:  # as if its handler had been mended
        mended = view(2, session=6, first=True)
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.id == UNKNOWN.guid).values(event=dumps(mended)))
    retry(installation, UNKNOWN)
    drain(installation)
    found = line(installation)
    assert (found.processed, found.failed, found.drift) == (1, 1, 0)
    throw_away(installation, ORPHAN)
    found = line(installation)
    assert (found.processed, found.discarded, found.drift) == (1, 1, 0)


def test_orphan_that_is_retried_waits_and_is_finished_by_its_first_page(installation: Installation) -> None:
    retry(installation, ORPHAN)
    assert (line(installation).waiting, line(installation).failed, line(installation).drift) == (1, 1, 0)
    installation.incoming.put([view(3, session=5, first=True)])
    drain(installation)
    found = line(installation)
    assert (found.took, found.processed, found.failed, found.drift) == (3, 2, 1, 0)
    (session,) = rows(installation.database, SESSION)
    assert session["num_pageviews"] == 2


def test_late_first_page_does_not_revive_a_discarded_orphan(installation: Installation) -> None:
    throw_away(installation, ORPHAN)
    installation.incoming.put([view(3, session=5, first=True)])
    drain(installation)
    found = line(installation)
    assert (found.processed, found.discarded, found.drift) == (1, 1, 0)
    (session,) = rows(installation.database, SESSION)
    assert session["num_pageviews"] == 1


def test_row_that_cannot_be_read_is_discarded(installation: Installation) -> None:
    with installation.database.writing() as connection:
        connection.execute(update(QUEUE_ITEM).values(event=b"\xff"))
        assert len(installation.retries.failed(connection, FailedFilter(), 10)) == 2
    throw_away(installation, ORPHAN, UNKNOWN)
    assert (line(installation).discarded, line(installation).drift) == (2, 0)
    with installation.database.reading() as connection:
        assert set(connection.execute(select(QUEUE_ITEM.c.status)).scalars()) == {"handled"}

"""What event handlers want is kept for each of them, once, in the core's transaction; the ledger keeps up with it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from owa.analytics.counting import count_facts
from owa.analytics.handlers import fact_handlers
from owa.analytics.tables import REQUEST
from owa.app import Installation, open_installation
from owa.clock import SystemClock
from owa.db.counts import Outcome
from owa.db.migrate import upgrade
from owa.events import Event
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.acts import discard
from owa.processing.drain import drain_events, drain_retries
from owa.processing.fates import Fates, failure_of
from owa.processing.ledger import Ledger, Line
from owa.processing.store import Problem
from owa.queues.contract import FailedFilter, Key, Lease, Remaining
from tests.page_views import context, counts, page_view, rows
from tests.postgresql import NewUrl

ROWS, MAIL = "shop:rows", "mail:out"


def event(number: int, event_type: str = "base.page_request", *, first: bool = True) -> Event:
    made = page_view(number, session=100 + number, first=first)
    return replace(made, guid=made.guid + made.server * 10**6, event_type=event_type)


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl) -> Iterator[Installation]:
    """Two handlers want page views, and one of them baskets, which the core knows nothing of."""
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_DATABASE_URL": new_url()}, {})
    upgrade(installation.database)
    subscribers = {"base.page_request": (MAIL, ROWS), "shop.basket": (ROWS,)}
    installation.handlers.use(fact_handlers(installation.registry), subscribers)
    yield installation
    installation.close()


def drain(installation: Installation, *events: Event) -> None:
    installation.incoming.put(events)
    assert drain_events(installation.incoming, installation.processor).outage is None
    assert drain_retries(installation.processor).outage is None


def kept(installation: Installation) -> list[Key]:
    """What is to be delivered and is not done."""
    found = rows(installation.database, QUEUE_ITEM)
    return sorted((row["id"], row["handler"]) for row in found if row["handler"] and row["status"] != "handled")


def deliver(installation: Installation, handler: str) -> None:
    with installation.database.writing() as connection:
        events = [item.event for item in lease(installation, connection, handler).items]
        installation.retries.done(connection, events, SystemClock().now(), handler=handler)


def lease(installation: Installation, connection: Connection, handler: str) -> Lease:
    now = SystemClock().now()
    return installation.retries.lease(connection, 100, now, until=now + 10**9, owner="here:1", handler=handler)


def fail(installation: Installation, handler: str, *, give_up: bool = False) -> None:
    """Let all that is due for a handler fail."""
    chosen = replace(context(OWA_QUEUE_MAX_RETRY_COUNT="1" if give_up else "5"), now=SystemClock().now())
    with installation.database.writing() as connection:
        failures = [
            failure_of(Problem(item.event, "ValueError: no", ""), chosen, item.remaining, item, duration=5)
            for item in lease(installation, connection, handler).items
        ]
        assert failures
        given_up = Fates(installation.retries, 1).keep(connection, failures, chosen.now)
        assert given_up == (len(failures) if give_up else 0)


def line(installation: Installation) -> Line:
    parts = (installation.database, installation.incoming, installation.retries, count_facts)
    (line,) = Ledger(*parts).verify()
    assert line.drift == 0
    return line


def places(installation: Installation) -> dict[str, int]:
    found = line(installation)
    names = ("processed", "duplicate", "queued", "waiting", "retrying", "failed", "discarded")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


def failed_keys(installation: Installation) -> list[Key]:
    with installation.database.reading() as connection:
        return [failed.key for failed in installation.retries.failed(connection, FailedFilter(), 10)]


def test_a_finished_event_is_kept_once_for_each_that_wants_it(installation: Installation) -> None:
    first, second = event(1), event(2)
    drain(installation, first, second, first)
    drain(installation, first)
    assert kept(installation) == [(view.guid, handler) for view in (first, second) for handler in (MAIL, ROWS)]
    assert places(installation) == {"queued": 2, "duplicate": 2}
    deliver(installation, ROWS)
    assert places(installation) == {"queued": 2, "duplicate": 2}
    deliver(installation, MAIL)
    assert places(installation) == {"processed": 2, "duplicate": 2}
    with installation.database.writing() as connection:
        installation.retries.flush(connection, SystemClock().now() + 1)
    drain(installation, second)
    assert kept(installation) == []
    assert places(installation) == {"processed": 2, "duplicate": 3}


def test_what_waits_is_kept_for_others_when_it_is_finished(installation: Installation) -> None:
    late = replace(event(1, first=False), session_id=777)
    drain(installation, late)
    assert (kept(installation), places(installation)) == ([], {"waiting": 1})
    opener = replace(event(2), session_id=777)
    drain(installation, opener)
    assert kept(installation) == [(view.guid, handler) for view in (late, opener) for handler in (MAIL, ROWS)]
    assert places(installation) == {"queued": 2}


def test_what_only_others_want_leaves_no_fact(installation: Installation) -> None:
    basket = event(1, "shop.basket")
    assert basket.event_type in installation.handlers.event_types()
    drain(installation, basket, basket)
    drain(installation, basket)
    assert kept(installation) == [(basket.guid, ROWS)]
    assert rows(installation.database, REQUEST) == []
    assert counts(installation.database, Outcome.PROCESSED) == {("s1", "delivered"): 1}
    assert places(installation) == {"queued": 1, "duplicate": 2}
    deliver(installation, ROWS)
    drain(installation, basket)
    assert places(installation) == {"processed": 1, "duplicate": 3}


def test_what_nobody_wanted_is_kept_for_who_wants_it_when_it_is_retried(installation: Installation) -> None:
    unknown = event(1, "shop.order")
    drain(installation, unknown)
    assert places(installation) == {"retrying": 1}
    installation.handlers.use(fact_handlers(installation.registry), {"shop.order": (ROWS,)})
    drain_retries(installation.processor, force=True)
    assert kept(installation) == [(unknown.guid, ROWS)]
    assert places(installation) == {"queued": 1}


def test_an_event_is_where_its_worst_delivery_is(installation: Installation) -> None:
    drain(installation, event(1), event(2), event(3, "shop.basket"))
    assert places(installation) == {"queued": 3}
    fail(installation, MAIL)
    assert places(installation) == {"retrying": 2, "queued": 1}
    fail(installation, ROWS, give_up=True)
    assert places(installation) == {"failed": 3}
    assert counts(installation.database, Outcome.FAILED) == {("s1", "delivery"): 3}


def test_failed_deliveries_are_retried_and_discarded(installation: Installation) -> None:
    drain(installation, event(1), event(2), event(3, "shop.basket"))
    for handler in (MAIL, ROWS):
        fail(installation, handler, give_up=True)
    with installation.database.writing() as connection:
        mail = [key for key in failed_keys(installation) if key[1] == MAIL]
        assert len(installation.retries.retry(connection, mail, SystemClock().now())) == 2
    assert places(installation) == {"failed": 3}
    with installation.database.writing() as connection:
        discarded = discard(connection, installation.retries, failed_keys(installation), SystemClock().now())
        assert {failed.handler for failed in discarded} == {ROWS}
    assert places(installation) == {"processed": 1, "queued": 2}
    assert counts(installation.database, Outcome.DISCARDED) == {("s1", "delivery"): 3}
    deliver(installation, MAIL)
    assert places(installation) == {"processed": 3}
    with installation.database.writing() as connection:
        installation.retries.flush(connection, SystemClock().now() + 1)
    assert places(installation) == {"processed": 3}


def test_a_delivery_that_cannot_be_read_is_failed(installation: Installation) -> None:
    drain(installation, event(1))
    with installation.database.writing() as connection:
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.handler == ROWS).values(event=b"\xff"))
        claimed = lease(installation, connection, ROWS)
        assert [(row.handler, row.site_id) for row in claimed.unreadable] == [(ROWS, "s1")]
        Fates(installation.retries, 1).give_up_unreadable(connection, claimed.unreadable, SystemClock().now())
    assert places(installation) == {"failed": 1}
    assert counts(installation.database, Outcome.FAILED) == {("s1", "delivery"): 1}


def test_without_event_handlers_nothing_is_kept(installation: Installation) -> None:
    installation.handlers.use(fact_handlers(installation.registry))
    drain(installation, event(1))
    assert rows(installation.database, QUEUE_ITEM) == []
    assert places(installation) == {"processed": 1}


def test_what_did_not_commit_is_not_kept(installation: Installation) -> None:
    """A drain that another was faster than rolls back, deliveries and all."""
    installation.incoming.put([event(1)])
    with installation.incoming.drain() as source:
        batch = source.lease(10)
        assert batch is not None

        def die(_connection: object) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            installation.processor.settle(replace(batch, acknowledge=die))
    assert kept(installation) == []
    drain(installation)
    assert len(kept(installation)) == 2


def test_who_tried_and_for_how_long_is_recorded(installation: Installation) -> None:
    drain(installation, event(1))
    fail(installation, MAIL)
    with installation.database.writing() as connection:
        (item,) = lease(installation, connection, ROWS).items
        assert item.remaining is Remaining.DELIVERY
        installation.retries.done(connection, [item.event], SystemClock().now(), handler=ROWS, duration=70)
    found = {row["handler"]: row for row in rows(installation.database, QUEUE_ITEM)}
    assert (found[MAIL]["handled_by"], found[MAIL]["handler_duration"]) == ("here:1", 5)
    assert (found[ROWS]["handled_by"], found[ROWS]["handler_duration"]) == ("here:1", 70)

"""The ledger: everything that was taken is somewhere; what is missing is named by server and site."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, delete, select

from owa.analytics.counting import count_facts
from owa.analytics.tables import REQUEST
from owa.app import Installation, open_installation
from owa.db import receipts
from owa.db.migrate import upgrade
from owa.db.receipts import DIRECT
from owa.events import Event, Refusal, RefusalReason
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.drain import drain_events
from owa.processing.ledger import Ledger, Line
from tests.page_views import page_view
from tests.postgresql import NewUrl
from tests.servers import wait_until


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl) -> Iterator[Installation]:
    installation = open_installation(
        {"OWA_DATA_DIR": str(tmp_path), "OWA_DATABASE_URL": new_url(), "OWA_SERVER_NUMBER": "1"}, {}
    )
    upgrade(installation.database)
    yield installation
    installation.close()


def views(count: int, *, first: bool = True, server: int = 1) -> list[Event]:
    events = [page_view(1 + number, session=100 + number, first=first) for number in range(count)]
    return [
        replace(event, server=server, guid=1_795_262_400_000_000_000 + server * 10**6 + event.guid % 1000)
        for event in events
    ]


def verify(installation: Installation) -> list[Line]:
    parts = (installation.database, installation.incoming, installation.retries, count_facts)
    return Ledger(*parts).verify()


def drain(installation: Installation) -> None:
    assert drain_events(installation.incoming, installation.processor).outage is None


def drifts(installation: Installation) -> dict[tuple[int, str], int]:
    return {(line.server, line.site_id): line.drift for line in verify(installation)}


def test_each_event_is_somewhere(installation: Installation) -> None:
    opened, waiting = views(3), page_view(50, session=7)
    waiting = replace(waiting, guid=1_795_262_400_001_000_500)
    refusal = Refusal(RefusalReason.ROBOT, "", waiting.received_at, 1)
    installation.incoming.put([*opened, waiting, opened[0], refusal])
    drain(installation)
    installation.incoming.put([views(4)[3]])
    site, nobody = sorted(verify(installation), key=lambda line: line.site_id, reverse=True)
    assert (site.took, site.processed, site.waiting, site.duplicate, site.queued, site.drift) == (6, 3, 1, 1, 1, 0)
    assert (nobody.took, nobody.refused, nobody.drift) == (1, 1, 0)


def test_one_writer_takes_events_of_several_servers(installation: Installation) -> None:
    installation.incoming.put([*views(3), views(4, server=2)[3]])
    for _ in range(2):
        assert {(line.server, line.took, line.drift) for line in verify(installation)} == {(1, 3, 0), (2, 1, 0)}
        drain(installation)


def test_nothing_taken_nothing_missing(installation: Installation) -> None:
    assert verify(installation) == []


def test_event_that_came_through_no_queue_is_counted(installation: Installation) -> None:
    installation.processor.store_now(views(1)[0], 1.0)
    (line,) = verify(installation)
    assert (line.took, line.processed, line.drift) == (1, 1, 0)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("rotated", [False, True])
def test_record_that_was_removed_is_missing(installation: Installation, number: int, rotated: bool) -> None:
    installation.incoming.put(views(3))
    path = installation.queue_dir / "events.txt"
    if rotated:
        path = path.rename(installation.queue_dir / "unprocessed" / "0.txt")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for index, line in enumerate(lines) if index != number))
    assert drifts(installation) == {(1, "s1"): -1}
    drain(installation)
    assert drifts(installation) == {(1, "s1"): -1}


def remove_one(installation: Installation, table: Table) -> None:
    with installation.database.writing() as connection:
        guid = connection.execute(select(table.c.id).limit(1)).scalar_one()
        connection.execute(delete(table).where(table.c.id == guid))


def test_row_that_was_removed_is_missing(installation: Installation) -> None:
    installation.incoming.put(views(3))
    drain(installation)
    remove_one(installation, REQUEST)
    assert drifts(installation) == {(1, "s1"): -1}


def test_waiting_event_that_was_removed_is_missing(installation: Installation) -> None:
    installation.incoming.put(views(3, first=False))
    drain(installation)
    assert drifts(installation) == {(1, "s1"): 0}
    remove_one(installation, QUEUE_ITEM)
    assert drifts(installation) == {(1, "s1"): -1}


def test_the_greatest_number_of_a_writer_counts_whenever_it_is_seen(installation: Installation) -> None:
    with installation.database.writing() as connection:
        for number in (3, 5, 4):
            receipts.see(connection, [receipts.Receipt("writer", 1, "s1", number)])
        assert [receipt.last_sequence for receipt in receipts.seen(connection)] == [5]


def damaged(installation: Installation) -> None:
    """One of three records is damaged: it is quarantined."""
    installation.incoming.put(views(3))
    path = installation.queue_dir / "events.txt"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second.replace(b'"guid"', b'"gu d"') + third)
    drain(installation)


def test_damaged_record_is_quarantined_and_no_drift(installation: Installation) -> None:
    damaged(installation)
    (line,) = verify(installation)
    assert (line.took, line.processed, line.quarantined, line.drift) == (3, 2, 1, 0)


@pytest.mark.parametrize("table", [REQUEST, QUEUE_ITEM], ids=lambda table: table.name)
def test_damaged_record_hides_no_missing_row(installation: Installation, table: Table) -> None:
    damaged(installation)
    installation.incoming.put([replace(views(1, first=False)[0], guid=1_795_262_400_001_000_700, session_id=777)])
    drain(installation)
    remove_one(installation, table)
    assert drifts(installation) == {(1, "s1"): -1}


def test_foreign_bytes_explain_nothing(installation: Installation, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(b"foreign\n\x1etorn\n")
    kind = installation.registry.queue_type("incoming_tracking_events")
    assert kind.open_path is not None
    copied = kind.open_path(installation.contexts.queue("incoming_tracking_events"), copy)
    assert drain_events(copied, installation.processor, judge_orphans=False).report.quarantined == 2
    installation.incoming.put(views(3))
    path = installation.queue_dir / "events.txt"
    path.write_bytes(b"foreign\n" + b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    drain(installation)
    assert drifts(installation) == {(1, "s1"): -1}


def test_foreign_bytes_are_no_receipt(installation: Installation) -> None:
    installation.incoming.put(views(2))
    path = installation.queue_dir / "events.txt"
    path.write_bytes(path.read_bytes() + b"foreign\n")
    drain(installation)
    assert drifts(installation) == {(1, "s1"): 0}


def test_copied_file_counts_once_however_often_it_is_drained(installation: Installation, tmp_path: Path) -> None:
    installation.incoming.put(views(3))
    copy = tmp_path / "copy.txt"
    (installation.queue_dir / "events.txt").rename(copy)
    for path in (installation.queue_dir / "writers").glob("*"):
        path.unlink()
    kind = installation.registry.queue_type("incoming_tracking_events")
    assert kind.open_path is not None
    for _ in range(2):
        copied = kind.open_path(installation.contexts.queue("incoming_tracking_events"), copy)
        drain_events(copied, installation.processor, judge_orphans=False)
        (line,) = verify(installation)
        assert (line.took, line.processed, line.duplicate, line.drift) == (3, 3, 0, 0)


def test_writer_that_is_gone_is_folded_into_the_sum(installation: Installation) -> None:
    installation.incoming.put(views(3))
    installation.incoming.close()
    (path,) = (installation.queue_dir / "writers").glob("*")
    start, _, end = path.name.split("-")
    ended = path.rename(path.with_name(f"{start}-4194305-{end}"))  # a process number beyond the system's greatest
    text = (installation.queue_dir / "events.txt").read_text().replace(path.name, ended.name)
    (installation.queue_dir / "events.txt").write_text(text)
    drain(installation)
    with installation.database.reading() as connection:
        assert [(receipt.writer, receipt.last_sequence) for receipt in receipts.seen(connection)] == [(DIRECT, 3)]
    assert not ended.exists()
    assert drifts(installation) == {(1, "s1"): 0}


def test_a_long_verification_gets_on(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who look at the lock of the queue, which it holds, do not take it for stuck."""
    monkeypatch.setattr("owa.files.HEARTBEAT", 0.01)
    lock = installation.queue_dir / "drain.lock"

    def count_for_long(connection: Connection) -> Counter[tuple[int, str]]:
        os.utime(lock, (0, 0))
        wait_until(lambda: lock.stat().st_mtime > 0, "it notes no progress")
        return count_facts(connection)

    Ledger(installation.database, installation.incoming, installation.retries, count_for_long).verify()

"""All failed events are retried in as much memory as a few of them, and it is told how far that has come."""

import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from owa.db import failed_acts
from owa.processing.act_on_all import CHUNK, ActOnAll
from owa.processing.acts import Act
from owa.queues.contract import FailedFilter, FailedState, Failure, Remaining
from tests.page_views import Processing, open_processing, page_view

FEW, MANY = 1_000, 8_000


def fail(processing: Processing, number: int) -> None:
    """One event fails; the others do as it does."""
    failure = Failure(page_view(1), Remaining.EVERYTHING, "no", "x" * 2_000, 1, 1, None)
    with processing.database.writing() as connection:
        processing.retries.keep(connection, [failure], processing.clock.now())
        names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(owa_queue_item)")]
        values = ["id + n" if name == "id" else name for name in names]
        connection.execute(
            text(f"""
            WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {number - 1})
            INSERT INTO owa_queue_item ({", ".join(names)}) SELECT {", ".join(values)} FROM owa_queue_item, number""")
        )


def retry_all(folder: Path, number: int, wanted: FailedFilter) -> tuple[int, list[int], list[int]]:
    """Returns the greatest memory in use in bytes, and after each step how much was done: as it was told, and as
    everybody can see it."""
    processing = open_processing(folder)
    fail(processing, number)
    told, seen = list[int](), list[int]()

    def note(connection: Connection, done: int) -> None:
        told.append(done)
        act = failed_acts.latest(connection)
        assert act is not None
        assert act.total == number
        seen.append(act.done)

    acts = ActOnAll(processing.database, processing.retries, processing.clock)
    tracemalloc.start()
    begun, total, frozen = acts.begin(Act.RETRY, wanted, "boss", note)
    done = acts.run(begun, Act.RETRY, frozen, note)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done == total == number
    with processing.database.reading() as connection:
        assert processing.retries.failed(connection, FailedFilter(), 1) == []
        assert processing.retries.count_failed(connection, FailedFilter(state=FailedState.RETRYING)).number > 0
    processing.database.close()
    return peak, told, seen


@pytest.mark.parametrize("wanted", [FailedFilter(), FailedFilter(error="no")], ids=["all", "searched"])
def test_memory_does_not_grow_with_the_number_of_events(tmp_path: Path, wanted: FailedFilter) -> None:
    peaks = []
    for number in (FEW, MANY):
        folder = tmp_path / str(number)
        folder.mkdir()
        peak, told, seen = retry_all(folder, number, wanted)
        peaks.append(peak)
        assert told == seen == [0, *range(CHUNK, number + 1, CHUNK)]
    few, many = peaks
    assert many < 1.5 * few

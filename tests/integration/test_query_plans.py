"""Hot look-ups use an index, whatever the size of the tables: no statement of a batch scans one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, update

from owa.accounts import audit
from owa.analytics import tracing
from owa.analytics.page_views import PageViews
from owa.analytics.rebuilding import rebuild_sessions
from owa.analytics.tables import SESSION
from owa.db import history, jobs
from owa.db.metadata import METADATA
from owa.queues.contract import FailedFilter, FailedState, Failure, Place, Remaining, session_key
from tests.page_views import Processing, context, open_processing, page_view

Statement = tuple[str, Any]

PLANNED = ("WITH", "SELECT", "UPDATE", "DELETE", "INSERT")


@pytest.fixture
def processing(tmp_path: Path) -> Iterator[Processing]:
    opened = open_processing(tmp_path)
    opened.settle(
        *(page_view(number, session=number, visitor=number, first=number % 2 == 0) for number in range(1, 200))
    )
    yield opened
    opened.database.close()


@contextmanager
def statements(connection: Connection) -> Iterator[list[Statement]]:
    """What is executed on the connection's engine meanwhile, with the parameters of its first row."""
    found: list[Statement] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(PLANNED):
            found.append((statement, parameters[0] if many else parameters))

    event.listen(connection.engine, "before_cursor_execute", note)
    yield found
    event.remove(connection.engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: Statement) -> list[str]:
    """SQLite's steps that touch a table of ours."""
    text, parameters = statement
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
    return [row[3] for row in rows if "owa_" in row[3]]


def plans(processing: Processing, look_up: Callable[[Connection], object]) -> list[str]:
    """The steps of all statements that `look_up` executes."""
    with processing.database.writing() as connection:
        with statements(connection) as found:
            look_up(connection)
        return [step for statement in found for step in plan(connection, statement)]


def test_existence_check(processing: Processing) -> None:
    steps = plans(processing, lambda connection: PageViews().handle(connection, [page_view(1)] * 2, context()))
    assert steps[0] == "SEARCH owa_request USING INTEGER PRIMARY KEY (rowid=?)"


def test_open_sessions(processing: Processing) -> None:
    keys = [session_key("s1", 1), session_key("s2", 2)]
    steps = plans(processing, lambda connection: PageViews().is_open(connection, keys))
    assert steps == ["SEARCH owa_session USING INDEX sqlite_autoindex_owa_session_1 (id=?)"]


def test_visitors_last_session(processing: Processing) -> None:
    moved = [page_view(500, at=-10, session=2, visitor=2, first=True)]
    steps = plans(processing, lambda connection: PageViews().handle(connection, moved, context()))
    by_visitor = [step for step in steps if "owa_session_visitor (visitor_id=?)" in step]
    assert len(by_visitor) == 2  # the last session, and the greatest number of prior ones
    assert "SEARCH owa_visitor USING INTEGER PRIMARY KEY (rowid=?)" in steps


@pytest.mark.parametrize("attempted_before", [None, 1], ids=["due", "forced"])
def test_due_items(processing: Processing, attempted_before: int | None) -> None:
    now = processing.clock.now()

    def lease(connection: Connection) -> object:
        return processing.retries.lease(connection, 10, now, until=now, owner="", attempted_before=attempted_before)

    (step,) = plans(processing, lease)
    due = "" if attempted_before else " AND not_before_timestamp<?"  # what is forced is any that is tried again
    assert step == f"SEARCH owa_queue_item USING INDEX owa_queue_item_due (status=? AND handler=?{due})"


def test_due_handlers(processing: Processing) -> None:
    steps = plans(processing, lambda connection: processing.retries.due_handlers(connection, 1))
    assert set(steps) == {
        "SEARCH owa_queue_item USING COVERING INDEX owa_queue_item_due (status=? AND handler>?)",
        "SEARCH owa_queue_item USING INDEX owa_queue_item_due (status=? AND handler=? AND not_before_timestamp<?)",
    }


def test_owners_of_leases(processing: Processing) -> None:
    steps = plans(processing, processing.retries.owners)
    steps += plans(processing, lambda connection: processing.retries.release(connection, "here:1", 0))
    assert [step for step in steps if "owa_queue_item_owner" in step] == steps


def test_overdue(processing: Processing) -> None:
    (step,) = plans(processing, lambda connection: processing.retries.overdue(connection, 1, 10))
    index = "owa_queue_item_waiting_since (status=? AND waiting_since<?)"
    assert step == f"SEARCH owa_queue_item USING COVERING INDEX {index}"


FILTERS = {
    "all": (FailedFilter(), "failed (status=?"),
    "error": (FailedFilter(fingerprint="f"), "error (status=? AND fingerprint=?"),
    "site": (FailedFilter(site_id="y"), "failed_site (status=? AND site_id=?"),
    "type": (FailedFilter("x"), "type (status=? AND event_type=?"),
    "handler": (FailedFilter(handler=""), "handler (status=? AND handler=?"),
    "words": (FailedFilter(error="words of it", server=3), "failed (status=?"),
    "several": (FailedFilter("x", "y", "m:h", 3, "words", "f"), "error (status=? AND fingerprint=?"),
    "retrying": (FailedFilter(state=FailedState.RETRYING), "failed (status=?"),
    "retrying of a type": (FailedFilter("x", state=FailedState.RETRYING), "type (status=? AND event_type=?"),
    "retrying at a site": (FailedFilter("x", "y", state=FailedState.RETRYING), "failed_site (status=? AND site_id=?"),
    "discarded": (FailedFilter(state=FailedState.DISCARDED), "discarded"),
    "session": (FailedFilter(session_id=5), "session (session_id=?"),
    "visitor": (FailedFilter(visitor_id=5), "visitor (visitor_id=?"),
    "guid": (FailedFilter(guid=5), None),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("before", [None, (1, 2, "")], ids=["first page", "older"])
def test_failed_events_are_found_by_an_index(processing: Processing, name: str, before: Place | None) -> None:
    wanted, index = FILTERS[name]
    queue = processing.retries
    for look_up in (
        lambda connection: queue.failed(connection, wanted, 50, before, (1, 2, "")),
        lambda connection: queue.failed_reach(connection, wanted, before),
        lambda connection: queue.failed_places(connection, wanted, 500, before),
        lambda connection: queue.count_failed(connection, wanted),
    ):
        steps = [step for step in plans(processing, look_up) if "autoindex" not in step or name == "guid"]
        named = f"owa_queue_item_{index}" if index else "sqlite_autoindex_owa_queue_item_1 (id=?"
        assert all(named in step and not step.startswith("SCAN") for step in steps), steps


@pytest.mark.parametrize(
    "name", ["all", "error", "site", "type", "discarded", "retrying", "retrying of a type", "words", "several"]
)
def test_lists_of_failed_events_are_sorted_by_the_index(processing: Processing, name: str) -> None:
    wanted = FILTERS[name][0]
    with processing.database.reading() as connection:
        with statements(connection) as found:
            processing.retries.failed(connection, wanted, 50, (1, 2, ""))
        text, parameters = found[0]
        details = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)]
    assert not [step for step in details if "TEMP B-TREE" in step]


def test_groups_and_kinds_of_failed_events(processing: Processing) -> None:
    """From value to value: as many steps as there are values, however many events."""
    events = [Failure(page_view(number), Remaining.EVERYTHING, "no", "", 1, 1, None) for number in (1, 2)]
    with processing.database.writing() as connection:
        processing.retries.keep(connection, events, 1)
    steps = plans(processing, lambda connection: processing.retries.failed_groups(connection, 10))
    steps += plans(processing, lambda connection: processing.retries.failed_kinds(connection, 10))
    retrying = FailedState.RETRYING
    steps += plans(processing, lambda connection: processing.retries.failed_kinds(connection, 10, retrying))
    assert {step.split(" (")[0].split(" INDEX ")[-1] for step in steps} == {
        f"owa_queue_item_{name}" for name in ("error", "type", "failed_site", "handler")
    }
    assert not [step for step in steps if step.startswith("SCAN")]


def test_attempts(processing: Processing) -> None:
    failure = Failure(page_view(1), Remaining.EVERYTHING, "no", "", 1, 1, 5)
    steps = plans(processing, lambda connection: processing.retries.keep(connection, [failure], 1))
    steps += plans(processing, lambda connection: processing.retries.attempts(connection, (1, "")))
    assert steps
    assert all("owa_attempt" in step and step.startswith("SEARCH") for step in steps), steps


def test_troubles(processing: Processing) -> None:
    steps = plans(processing, lambda connection: processing.retries.troubles(connection, 10))
    assert set(steps) == {
        "SEARCH owa_queue_item USING INDEX owa_queue_item_failed (status=? AND last_attempt_timestamp>?)"
    }


def test_last_run_by_a_command(processing: Processing) -> None:
    steps = plans(processing, lambda connection: jobs.last_by(connection, "drain", 0, "command", 10))
    assert steps == ["SEARCH owa_job_run USING INDEX owa_job_run_job_server (job=? AND server=?)"]


def test_retry_and_discard(processing: Processing) -> None:
    for act in (processing.retries.retry, processing.retries.discard, processing.retries.restore):
        steps = plans(processing, lambda connection, act=act: act(connection, [(1, ""), (2, "x:y")], 0))  # type: ignore[misc]
        assert steps
        assert all("sqlite_autoindex_owa_queue_item_1 (id=? AND handler=?)" in step for step in steps), steps


def test_rebuilding_of_sessions(processing: Processing) -> None:
    """Of the statements that look for sessions, each walks an index from where it was; all others are searches."""
    now = context()
    with processing.database.writing() as connection:
        connection.execute(update(SESSION).values(num_pageviews=0))
    with processing.database.reading() as connection, statements(connection) as found:
        rebuild_sessions(processing.database, processing.retries, lambda: now)
    with processing.database.reading() as connection:
        steps = {step for statement in found for step in plan(connection, statement)}
    assert {step for step in steps if step.startswith("SCAN")} == set()
    assert {
        "SEARCH owa_request USING COVERING INDEX owa_request_session (session_id>?)",
        "SEARCH owa_session USING COVERING INDEX sqlite_autoindex_owa_session_1 (id>?)",
        "SEARCH owa_request USING INDEX owa_request_session (session_id=?)",
        "SEARCH owa_queue_item USING INDEX sqlite_autoindex_owa_queue_item_1 (id=? AND handler=?)",
    } <= steps


def test_figures_at_a_glance(processing: Processing) -> None:
    """None of them reads the rows: indexes are enough, but for the first thousand deliveries of a handler."""
    for sites in (None, ["s1", "s2"]):
        steps = plans(processing, lambda connection, sites=sites: processing.retries.glance(connection, 10, sites))  # type: ignore[misc]
        assert len(steps) >= 4
        assert all(step.startswith("SEARCH owa_queue_item USING COVERING INDEX owa_queue_item_") for step in steps)


def test_history_of_a_queue(processing: Processing) -> None:
    steps = plans(processing, lambda connection: history.samples(connection, "q", 1, 5))
    steps += plans(processing, lambda connection: history.samples(connection, "q", 1, 5, step=10))
    assert [step for step in steps if not step.startswith("SEARCH owa_queue_sample USING INDEX sqlite_auto")] == []
    assert plans(processing, lambda connection: history.forget(connection, 10**16)) == [
        "SEARCH owa_queue_sample USING INDEX owa_queue_sample_minute (minute<?)"
    ]


def test_last_run(processing: Processing) -> None:
    steps = plans(processing, lambda connection: jobs.last(connection, "drain", server=1, busy=True))
    steps += plans(processing, lambda connection: jobs.last(connection, "drain", busy=True))
    assert steps == [
        "SEARCH owa_job_run USING INDEX owa_job_run_busy_server (job=? AND server=?)",
        "SEARCH owa_job_run USING INDEX owa_job_run_busy (job=?)",
    ]


def test_runs_of_a_job_and_when_cron_was_seen(processing: Processing) -> None:
    steps = plans(processing, lambda connection: jobs.runs_of(connection, "drain", 50, 7))
    steps += plans(processing, lambda connection: jobs.last(connection, "drain", caller="command"))
    assert steps == [
        "SEARCH owa_job_run USING INDEX owa_job_run_job (job=? AND id<?)",
        "SEARCH owa_job_run USING INDEX owa_job_run_caller (job=? AND caller=?)",
    ]


@pytest.mark.parametrize("after", [None, (1, "session:s1:1")], ids=["first page", "further"])
def test_what_is_awaited(processing: Processing, after: tuple[int, str] | None) -> None:
    """The list walks its index from where it was, and each of its keys is looked up."""
    first, *others = plans(processing, lambda connection: processing.retries.awaited(connection, 50, after))
    since = " AND (waiting_since,waits_for)>(?,?)" if after else ""
    assert first == (f"SEARCH owa_queue_item USING COVERING INDEX owa_queue_item_waiting_since (status=?{since})")
    assert others
    by_key = "owa_queue_item_waits_for (waits_for=? AND status=?"
    assert [step for step in others if by_key not in step] == []
    with processing.database.reading() as connection, statements(connection) as found:
        processing.retries.awaited(connection, 50, after)
    with processing.database.reading() as connection:
        details = [
            row[3]
            for text, parameters in found
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
        ]
    assert not [step for step in details if "TEMP B-TREE" in step], "it is sorted by the indexes"


def test_events_that_wait_are_counted_by_an_index(processing: Processing) -> None:
    steps = plans(processing, lambda connection: processing.retries.count_waiting(connection, 10))
    steps += plans(processing, lambda connection: processing.retries.awaited_by(connection, 7, 10))
    steps += plans(processing, lambda connection: processing.retries.awaited_among(connection, ["session:s1:1"]))
    assert [step for step in steps if "owa_queue_item_wait" not in step or "SCAN" in step] == []


def test_trace_of_an_event(processing: Processing) -> None:
    guid = page_view(2).guid

    def follow(connection: Connection) -> None:
        processing.retries.trails(connection, guid)
        assert tracing.rows_of(connection, guid)
        assert tracing.dimensions_of(connection, guid)
        assert tracing.session_of(connection, "s1", 2)
        assert tracing.sessions_named(connection, 2)
        assert tracing.events_of_session(connection, 2, 10)
        assert tracing.sessions_of_visitor(connection, 2, 10) == [2]
        audit.about(connection, str(guid), 20_000, 10)

    steps = plans(processing, follow)
    assert len(steps) > 20
    assert [step for step in steps if "SCAN" in step] == []
    assert [step for step in steps if "audit" in step] == [
        "SEARCH owa_audit USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH owa_audit",  # the last number
    ]


def test_wake_by_key(processing: Processing) -> None:
    (step,) = plans(processing, lambda connection: processing.retries.wake(connection, ["session:s1:1"], 0))
    assert "owa_queue_item_waits_for (waits_for=?" in step


def test_sweep(processing: Processing) -> None:
    (step,) = plans(processing, lambda connection: processing.retries.waited_for(connection, 10))
    assert "owa_queue_item_waits_for" in step


def test_no_statement_of_a_batch_scans_a_table(processing: Processing) -> None:
    """Late first hits, moved entries, duplicates, and what they wake."""
    with processing.database.reading() as connection, statements(connection) as found:
        processing.settle(
            page_view(1, session=1),
            page_view(300, at=-1, session=1, first=True),
            page_view(301, at=-2, session=2, visitor=2, first=True),
            page_view(302, session=300),
        )
        processing.finish()
    touched = {name for name in METADATA.tables for text, _ in found if name in text}
    assert {"owa_request", "owa_session", "owa_visitor", "owa_queue_item", "owa_event_count"} <= touched
    with processing.database.reading() as connection:
        steps = [step for statement in found for step in plan(connection, statement)]
    assert [step for step in steps if step.startswith("SCAN")] == []

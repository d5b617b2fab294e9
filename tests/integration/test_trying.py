"""Trying a failed event tells what would come of it, and changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from owa.analytics.tables import REQUEST, SESSION
from owa.app import Installation, open_installation
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.migrate import upgrade
from owa.events import Event, dumps
from owa.processing.drain import drain_events, drain_retries
from owa.processing.trying import Trials, Tried
from owa.queues.contract import Failed, Remaining
from tests.page_views import page_view, rows
from tests.postgresql import NewUrl

TITLE = "a title"


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl) -> Iterator[Installation]:
    environment = {
        "OWA_DATA_DIR": str(tmp_path),
        "OWA_DATABASE_URL": new_url(),
        "OWA_QUEUE_MAX_RETRY_COUNT": "1",
        "OWA_ORPHAN_SESSIONS": "fail",
        "OWA_ORPHAN_SESSION_AGE": "0",
    }
    installation = open_installation(environment, {})
    upgrade(installation.database)
    yield installation
    installation.close()


def failed(installation: Installation, *events: Event) -> Failed:
    """The last one of these, when it has failed."""
    installation.incoming.put(events)
    drain_events(installation.incoming, installation.processor)
    drain_retries(installation.processor)
    with installation.database.reading() as connection:
        found = installation.retries.find_failed(connection, (events[-1].guid, ""))
    assert found is not None
    return found


def tried(installation: Installation, event: Failed) -> Tried:
    """Nothing at all may change by it."""
    before = everything(installation.database)
    result = Trials(installation.database, installation.handlers, installation.contexts.processing).run(event)
    assert everything(installation.database) == before
    return result


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {name: rows(database, table) for name, table in METADATA.tables.items()}


def given(event: Event, **changes: Any) -> Failed:
    """As if it had failed before anything was written."""
    values = {"remaining": Remaining.EVERYTHING, "waited_for": "", "error": "no", "trace": "", "attempts": 1}
    times = {"inserted_at": 1, "failing_since": 1, "failed_at": 1}
    payload = changes.pop("payload", None) or dumps(event)
    return Failed(event.guid, event.event_type, event.site_id, 1, payload, **{**values, **times, **changes})


def test_new_rows_are_told(installation: Installation) -> None:
    result = tried(installation, given(page_view(1, first=True, page_title=TITLE)))
    assert (result.cannot, result.problem, result.outcome) == ("", None, "It would be processed.")
    tables = {change.table: change for change in result.changes}
    assert {"owa_request", "owa_session", "owa_visitor", "owa_document"} <= tables.keys()
    assert tables["owa_request"].before is None
    assert ("page_title", None, TITLE) in tables["owa_document"].columns
    assert not result.has_more


def test_changed_rows_are_told_with_what_they_were(installation: Installation) -> None:
    installation.incoming.put([page_view(1, first=True)])
    drain_events(installation.incoming, installation.processor)
    result = tried(installation, given(page_view(2, at=5)))
    (session,) = [change for change in result.changes if change.table == SESSION.name]
    assert ("num_pageviews", 1, 2) in session.columns
    assert tried(installation, given(page_view(1, first=True))).outcome.startswith("It would be a duplicate")


def test_who_fails_and_why_is_told(installation: Installation) -> None:
    unknown = replace(page_view(1), event_type="unknown")
    result = tried(installation, failed(installation, unknown))
    assert (result.outcome, result.changes) == ("It would fail again.", [])
    assert result.problem is not None
    assert "No module handles events of type unknown" in result.problem.error
    if installation.database.url.get_backend_name() == "sqlite":
        with installation.database.writing() as connection:
            raises = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            connection.exec_driver_sql(f"CREATE TRIGGER poison BEFORE INSERT ON owa_document {raises}")
        result = tried(installation, given(page_view(2, first=True)))
        assert result.problem is not None
        assert "refused" in result.problem.error
        assert result.handler == "PageViews"


def test_an_orphan_waits_on(installation: Installation) -> None:
    result = tried(installation, failed(installation, page_view(1, session=5)))
    assert result.outcome == "It would wait for session:s1:5."


def test_what_cannot_be_read_cannot_be_tried(installation: Installation) -> None:
    assert "cannot be read as an event" in tried(installation, given(page_view(1), payload=b"\xff")).cannot


def test_a_handler_that_does_not_say_so_is_not_tried(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = installation.handlers.handler_of("base.page_request")
    assert handler is not None
    monkeypatch.setattr(type(handler), "may_be_tried", False)
    assert "does not say that it may be tried" in tried(installation, given(page_view(1))).cannot


def test_a_busy_database_is_told(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("owa.db.rehearsing.PATIENCE", 0.05)
    with installation.database.writing() as connection:
        connection.execute(delete(REQUEST))
        trials = Trials(installation.database, installation.handlers, installation.contexts.processing)
        assert "busy" in trials.run(given(page_view(1))).cannot
    with installation.database.reading() as connection:
        assert connection.execute(select(REQUEST)).all() == []

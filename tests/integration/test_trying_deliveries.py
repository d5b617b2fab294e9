"""Trying a failed delivery: the event handler itself is asked, and what it would store is taken back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from owa.accounts.audit import Actor
from owa.app import Installation, open_installation
from owa.db.migrate import upgrade
from owa.delivery.trying import DeliveryTrials
from owa.events import Event, dumps
from owa.processing.trying import Tried
from owa.queues.contract import Failed, Remaining
from owa.switching import switch_off, switch_on
from tests.handlers import MISBEHAVING, module
from tests.handlers import TABLE as MISBEHAVERS
from tests.packages import install_package
from tests.page_views import page_view
from tests.postgresql import NewUrl

TABLE = (
    "CREATE TABLE harmless_day (site_id VARCHAR(32) NOT NULL, yyyymmdd INTEGER NOT NULL, note VARCHAR(100), seen DATE, "
    "PRIMARY KEY (site_id, yyyymmdd))"
)

HARMLESS = """
from datetime import date
from sqlalchemy import Date, Integer, MetaData, String, Table, Column, delete, update

META = MetaData()
DAY = Table(
    "harmless_day", META, Column("site_id", String, primary_key=True), Column("yyyymmdd", Integer, primary_key=True),
    Column("note", String), Column("seen", Date),
)

def count(event, context):
    if how := event.properties.get("how"):
        return misbehave(how, event, context)
    new = {"site_id": event.site_id, "yyyymmdd": 20_261_122, "note": "it's new", "seen": date(2026, 11, 22)}
    return [
        insert(DAY).values(new), update(DAY).where(DAY.c.yyyymmdd == 1).values(note="changed"),
        delete(DAY).where(DAY.c.yyyymmdd == 2),
    ]

@hookimpl
def owa_event_handlers():
    return [
        EventHandler("days", frozenset({"base.page_request"}), count, may_be_tried=True),
        EventHandler("mails", frozenset({"base.page_request"}), count),
    ]
"""


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl, packages: Path) -> Iterator[Installation]:
    install_package(packages, "harmless", module("harmless", MISBEHAVING, HARMLESS))
    environment = {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_DATABASE_URL": new_url(), "OWA_HANDLER_TIMEOUT": "3"}
    installation = open_installation(environment, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        connection.exec_driver_sql(TABLE)
        connection.exec_driver_sql(MISBEHAVERS.format(name="harmless"))
        for day in (1, 2, 3):
            connection.exec_driver_sql(f"INSERT INTO harmless_day VALUES ('s', {day}, 'old', NULL)")
    installation.configuration.refresh()
    switch_on(installation, "harmless", Actor("me"))
    yield installation
    installation.close()


def tried(installation: Installation, event: Event, handler: str = "harmless:days") -> Tried:
    """No row may change by it."""
    failed = Failed(
        event.guid,
        event.event_type,
        event.site_id,
        1,
        dumps(event),
        Remaining.DELIVERY,
        waited_for="",
        error="no",
        trace="",
        attempts=1,
        inserted_at=1,
        failing_since=1,
        failed_at=1,
        handler=handler,
    )
    before = rows(installation)
    result = DeliveryTrials(installation).run(failed)
    assert rows(installation) == before
    return result


def misbehaving(how: str) -> Event:
    event = page_view(1)
    return replace(event, properties={**event.properties, "how": how})


def rows(installation: Installation) -> list[object]:
    with installation.database.reading() as connection:
        return list(connection.exec_driver_sql("SELECT * FROM harmless_day ORDER BY yyyymmdd"))


def test_the_rows_that_it_would_change_are_told(installation: Installation) -> None:
    event = page_view(1)
    result = tried(installation, event)
    assert (result.cannot, result.problem, result.outcome) == ("", None, "It would be delivered.")
    new, changed, deleted = result.changes
    assert new.key == {"site_id": event.site_id, "yyyymmdd": 20_261_122}
    assert new.before is None
    assert ("note", None, "it's new") in new.columns
    assert ("seen", None, "2026-11-22") in new.columns
    assert changed.columns == [("note", "old", "changed")]
    assert (deleted.key["yyyymmdd"], deleted.after) == (2, None)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", "ValueError: the basket is empty"),
        ("end", "it ended its process (exit status 4)"),
        ("loop", "it did not end within 3 s"),
        ("store nowhere", "nowhere"),
        ("return a word", "wants statements of SQLAlchemy"),
    ],
)
def test_what_would_fail_again_is_told(installation: Installation, how: str, reason: str) -> None:
    result = tried(installation, misbehaving(how))
    assert result.outcome == "It would fail again."
    assert result.problem is not None
    assert reason in result.problem.error


def test_statements_that_do_not_end_are_left_off(installation: Installation) -> None:
    assert "It was left off" in tried(installation, misbehaving("store for ever")).cannot


def test_one_that_does_not_say_that_it_may_be_tried_is_not_run(installation: Installation) -> None:
    result = tried(installation, page_view(1), "harmless:mails")
    assert "harmless:mails does not say that it may be tried" in result.cannot


def test_one_whose_module_is_off_is_not_run(installation: Installation) -> None:
    switch_off(installation, "harmless", Actor("me"))
    assert "There is no event handler harmless:days now" in tried(installation, page_view(1)).cannot

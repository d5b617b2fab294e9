"""The requests of an unmodified tracker, replayed, give the rows that PHP's OWA stored for them."""

import html
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.servers import FIXTURES, Install, Installation

TIME_ZONE = "America/Los_Angeles"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FIXTURES / "expected_rows.json").read_text())

REQUESTS = {
    "page_request_new_session": 204,
    "track_action": 204,
    "ecommerce_transaction": 204,
    "dom_click": 204,
    "dom_stream": 204,
    "page_request_same_session": 204,
    "track_action_img_fallback_GET": 200,
}
"""In the order of the visit, with the answers' statuses."""

CALENDAR = ("timestamp", "yyyymmdd", "year", "month", "day", "dayofweek", "dayofyear", "weekofyear", "hour", "minute")
DAY = set(CALENDAR) - {"hour", "minute"}
MOMENT = {
    "owa_request": {"id", *CALENDAR, "second", "msec"},
    "owa_click": {"id", *CALENDAR, "second", "msec"},
    "owa_action_fact": {"id", *DAY},
    "owa_domstream": {"id", *DAY},
    "owa_commerce_transaction_fact": {"id", *DAY},
    "owa_commerce_line_item_fact": {"id", *DAY},
    "owa_session": {*CALENDAR, "last_req"},
    "owa_visitor": {f"first_session_{part}" for part in ("year", "month", "day", "dayofyear", "timestamp", "yyyymmdd")},
}
"""Columns whose values depend on when it happens. Tested below, against each other."""

STREAM = "domstream_guid"

LAST_SESSION = {f"last_session_{part}" for part in ("id", "year", "month", "day", "dayofyear")}
"""OWA leaves them empty; semantics.md does not."""


def expected(table: str) -> list[dict[str, Any]]:
    """OWA's rows, with what is otherwise here: text is stored as it was sent, and the ids of orders know the site."""
    rows = [dict(row) for row in EXPECTED[table]]
    for row in rows:
        if table == "owa_document":
            row["page_title"] = "Capture page – tracker"
        if table == "owa_domstream":
            row["events"] = html.unescape(row["events"])
        if table == "owa_commerce_line_item_fact":
            row["product_name"] = row["product_name"].capitalize()
    return rows


@pytest.fixture(scope="module", params=["synchronous", "asynchronous"])
def replayed(request: pytest.FixtureRequest, install: Install) -> Installation:
    asynchronous = request.param == "asynchronous"
    installation = install(OWA_QUEUE_EVENTS=str(int(asynchronous)), OWA_SCHEDULER="0", OWA_TIMEZONE=TIME_ZONE)
    assert installation.cli("cmd=activate", "module=domstream").status == 0
    with installation.serve() as server:
        assert {name: server.replay(f"{name}.http").status for name in REQUESTS} == REQUESTS
        assert len(installation.rows("owa_request")) == (0 if asynchronous else 2)
    if asynchronous:
        installation.drain()
    return installation


@pytest.mark.parametrize("table", EXPECTED)
def test_rows_are_those_of_owa(replayed: Installation, table: str) -> None:
    moment = MOMENT.get(table, set())
    ours = [_comparable(row, moment) for row in replayed.rows(table)]
    theirs = [{name: row[name] for name in row.keys() - moment} for row in expected(table)]
    if "id" in moment:
        ours, theirs = (sorted(rows, key=str) for rows in (_in_order(ours), _in_order(theirs)))
    assert ours == theirs


def _comparable(row: dict[str, Any], moment: set[str]) -> dict[str, Any]:
    """Without what is ours alone: the deciding keys beside their columns, and the last session of a visitor."""
    ours = {name for name in row if name.endswith(("_at", "_adopted")) or (name.endswith("_guid") and name != STREAM)}
    ours |= {"place", "carries_attribution", "attributions", "transaction_id"} | LAST_SESSION | moment
    return {name: row[name] for name in row.keys() - ours}


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with its columns in the order of their names: so they can be sorted by what they say."""
    return [dict(sorted(row.items())) for row in rows]


def test_calendar_is_the_configured_time_zones(replayed: Installation) -> None:
    requests = replayed.rows("owa_request")
    for row in (*requests, *replayed.rows("owa_session")):
        when = datetime.fromtimestamp(row["timestamp"], ZoneInfo(TIME_ZONE))
        assert {name: row[name] for name in CALENDAR if name != "weekofyear"} == {
            "timestamp": row["timestamp"],
            "yyyymmdd": int(when.strftime("%Y%m%d")),
            "year": when.year,
            "month": int(when.strftime("%Y%m")),
            "day": when.day,
            "dayofweek": when.strftime("%a"),
            "dayofyear": when.timetuple().tm_yday - 1,
            "hour": when.hour,
            "minute": when.minute,
        }
        assert row["weekofyear"] == int(when.strftime("%V"))
    assert abs(requests[0]["timestamp"] - datetime.now(UTC).timestamp()) < 300, "the client's time must not be used"


def test_moments_agree(replayed: Installation) -> None:
    first, second = replayed.rows("owa_request")
    (session,) = replayed.rows("owa_session")
    (visitor,) = replayed.rows("owa_visitor")
    assert session["timestamp"] == visitor["first_session_timestamp"] == first["timestamp"]
    assert session["last_req"] == second["timestamp"] >= first["timestamp"]
    assert (session["entry_guid"], session["last_guid"]) == (first["id"], second["id"])
    assert visitor["last_session_id"] == visitor["first_session_id"] == session["id"]
    for part in ("year", "month", "day", "dayofyear"):
        value = first[part] if part != "month" else str(first["month"])
        assert visitor[f"first_session_{part}"] == visitor[f"last_session_{part}"] == value


def test_requests_have_guids_of_ours(replayed: Installation) -> None:
    for row in replayed.rows("owa_request"):
        assert len(str(row["id"])) == 19
        assert str(row["id"]).startswith(str(row["timestamp"])[:8])

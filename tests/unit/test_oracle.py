"""The oracle itself: of the recorded visit it makes the rows that PHP's OWA stored for it, but for what semantics.md
says otherwise; and cases of which it is plain what must come out."""

import html
import json
from collections import Counter
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from owa.tracking.parameters import parameters
from tests import oracle
from tests.servers import BROWSER, FIXTURES

EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FIXTURES / "expected_rows.json").read_text())

VISIT = {
    "page_request_new_session": ("owa_request", 0),
    "track_action": ("owa_action_fact", 0),
    "ecommerce_transaction": ("owa_commerce_transaction_fact", 0),
    "dom_click": ("owa_click", 0),
    "dom_stream": ("owa_domstream", 0),
    "page_request_same_session": ("owa_request", 1),
    "track_action_img_fallback_GET": ("owa_action_fact", 1),
}
"""The recorded requests in their order, and which row each has become."""

GIVEN = oracle.Given(
    zone=ZoneInfo("America/Los_Angeles"),
    filters=(),
    agent=lambda text: oracle.Agent("Chrome", "120.0.0", "Linux") if text == BROWSER else oracle.Agent(),
    registrable_domain=lambda host: host,
)
OF_A_VISITOR_LAST = {f"last_session_{part}" for part in ("id", "year", "month", "day", "dayofyear")}
"""OWA leaves them empty; semantics.md does not."""
OURS = {"place", "received_at", "carries_attribution", "attributions", "event_guid", "original_session", "goals"}


def recorded(name: str) -> oracle.Event:
    """The event of a recorded request, at the moment of its row."""
    head, _, body = (FIXTURES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    method, target, _ = head.decode().split("\r\n")[0].split(" ")
    environ = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": target.partition("?")[2],
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "wsgi.input": BytesIO(body),
    }
    sent = parameters(environ)
    table, index = VISIT[name]
    row = EXPECTED[table][index]
    return {
        "guid": row["id"] if table != "owa_commerce_transaction_fact" else row["timestamp"] * 10**9,
        "event_type": sent.pop("event_type"),
        "received_at": row["timestamp"] * 10**6 + milliseconds(row.get("msec", 0)) * 1_000,
        "site_id": sent.pop("site_id"),
        "visitor_id": int(sent.pop("visitor_id")),
        "session_id": int(sent.pop("session_id")),
        "properties": sent | {"HTTP_USER_AGENT": BROWSER, "language": "en-US"},
    }


def milliseconds(msec: str | int) -> int:
    """OWA stores those of clicks as a part of a second."""
    return int(float(msec) * 1_000) if isinstance(msec, str) else msec


def expected(table: str) -> list[dict[str, Any]]:
    """OWA's rows, with what semantics.md says otherwise: text is stored as sent, and keys of orders have the site."""
    rows = [dict(row) for row in EXPECTED[table]]
    for row in rows:
        if table == "owa_document":
            row["page_title"] = "Capture page – tracker"
        if "product_name" in row:
            row["product_name"] = row["product_name"].capitalize()
        if "msec" in row:
            row["msec"] = milliseconds(row["msec"])
        if "events" in row:
            row["events"] = html.unescape(row["events"])
        if table.startswith("owa_commerce"):
            del row["id"]
    return rows


@pytest.fixture(scope="module")
def visit() -> oracle.Tables:
    return oracle.tables(map(recorded, VISIT), GIVEN)


@pytest.mark.parametrize("table", EXPECTED)
def test_rows_of_the_recorded_visit_are_those_of_owa(visit: oracle.Tables, table: str) -> None:
    assert ordered(map(comparable, visit.rows[table])) == ordered(map(without_empty, expected(table)))


def without_empty(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """What OWA would say of it, too."""
    ours = {name for name in row if name.endswith(("_at", "_guid", "_adopted")) and name != "domstream_guid"}
    ours |= OURS | OF_A_VISITOR_LAST | ({"id", "transaction_id"} if "order_id" in row else set())
    return without_empty({name: row[name] for name in row.keys() - ours})


def ordered(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def test_all_of_the_recorded_visit_is_finished_and_sound(visit: oracle.Tables) -> None:
    assert (visit.waiting, visit.coerced) == ([], Counter())

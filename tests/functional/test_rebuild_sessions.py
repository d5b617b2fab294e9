"""`cmd=rebuild-sessions` on an installation that has seen traffic."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.servers import SITE_ID, Install, Installation, Result

SILENT = Result(0, "", "")
NOTHING = {"sessions": 0, "differing": 0, "missing": 0, "skipped": 0, "without_page_views": 0, "differences": []}


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    """Each test leaves its sessions as they should be."""
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_TIMEZONE="Asia/Tokyo")
    assert installation.cli("cmd=generate-traffic", "events=300").status == 0
    installation.drain()
    return installation


def write(installation: Installation, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        connection.execute(sql, parameters)


def sessions(installation: Installation) -> list[dict[str, Any]]:
    return installation.query("SELECT * FROM owa_session ORDER BY id")


def test_all_is_well_and_cron_hears_nothing(installation: Installation) -> None:
    assert installation.cron("cmd=rebuild-sessions") == SILENT
    count = len(sessions(installation))
    found = installation.cli("cmd=rebuild-sessions", "format=json")
    assert (found.status, found.json) == (0, NOTHING | {"sessions": count})
    told = installation.cli("cmd=rebuild-sessions", "verbose=1")
    assert told == Result(0, f"{count} sessions: none differs from what is stored of its events.\n", "")


def test_what_differs_is_told_and_mended(installation: Installation) -> None:
    before = sessions(installation)
    first, second = before[0], before[1]
    write(installation, "UPDATE owa_session SET num_pageviews = 77, is_bounce = NULL WHERE id = ?", first["id"])
    write(installation, "UPDATE owa_session SET visitor_id = 8 WHERE id = ?", second["id"])
    write(installation, "DELETE FROM owa_session WHERE id = ?", before[2]["id"])
    expected = NOTHING | {"sessions": len(before), "differing": 2, "missing": 1}
    expected["differences"] = [
        {"site": SITE_ID, "session": str(row["id"]), "column": column, "stored": stored, "recomputed": right}
        for row, column, stored, right in (
            (first, "num_pageviews", 77, first["num_pageviews"]),
            (first, "is_bounce", None, first["is_bounce"]),
            (second, "visitor_id", 8, str(second["visitor_id"])),
            (before[2], "id", None, str(before[2]["id"])),
        )
    ]
    found = installation.cli("cmd=rebuild-sessions", "check=1", "format=json")
    assert (found.status, found.json) == (1, expected)
    told = installation.cli("cmd=rebuild-sessions")
    summary = f"Of {len(before)} sessions 2 differ from what is stored of their events, and 1 are missing. "
    assert (told.status, told.err) == (1, f"{summary}They have been mended.\n")
    (line,) = [line.split() for line in told.out.splitlines() if "num_pageviews" in line]
    assert {SITE_ID, str(first["id"]), "77", str(first["num_pageviews"])} <= set(line)
    assert sessions(installation) == before
    assert installation.cli("cmd=rebuild-sessions") == SILENT


def test_no_more_lines_than_one_reads(installation: Installation) -> None:
    count = len(sessions(installation))
    write(installation, "UPDATE owa_session SET num_comments = 1, goal_1 = 1")
    told = installation.cli("cmd=rebuild-sessions")
    assert told.out.count(SITE_ID) == 100
    assert told.out.splitlines()[-1] == f"and {2 * count - 100} more"
    assert installation.cli("cmd=rebuild-sessions") == SILENT


def test_a_terminal_gets_no_orders_from_visitors(installation: Installation) -> None:
    (row, *_) = sessions(installation)
    write(installation, "UPDATE owa_session SET language = ? WHERE id = ?", "\x1b[2J\u202e" + "x" * 99, row["id"])
    told = installation.cli("cmd=rebuild-sessions")
    assert told.status == 1
    assert "\\x1b[2J\\u202exxx" in told.out
    assert not {"\x1b", "\u202e"} & set(told.out)


def test_days_are_those_of_the_time_zone(installation: Installation) -> None:
    """The traffic began on 21 November 2026 at 20:02:04 UTC, which is 22 November, 05:02:04 in Tokyo."""
    count = len(sessions(installation))

    def looked_at(*words: str) -> int:
        found = installation.cli("cmd=rebuild-sessions", "format=json", *words)
        assert found.status == 0
        return int(found.json["sessions"])

    assert looked_at("from=2026-11-22", "to=2026-11-24") == looked_at("from=2026-11-22T05:02:04") == count
    assert looked_at("to=2026-11-22") == looked_at("from=2026-11-24") == looked_at("to=2026-11-22T05:02:04") == 0
    assert looked_at("from=0001-01-01", "to=9999-12-31T23:59:59") == count
    assert 0 < looked_at("from=2026-11-22T05:02", "to=2026-11-22T05:05") < count


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["from=yesterday"], "from=yesterday: wants a day or a moment. Such as from=2026-11-21 or"),
        (["to=2026-13-01"], "to=2026-13-01: wants a day or a moment. Such as to=2026-11-21 or"),
        (["from=20261121"], "wants a day"),
        (["from=2026-11-21T10:00+01:00"], "wants a day"),
        (["from=0000-01-01"], "wants a day"),
        (["from=٢٠٢٦-11-21"], "wants a day"),
        (["from=2026-11-21", "to=2026-11-21"], "from=2026-11-21 is not before to=2026-11-21. to is the first day"),
        (["check=perhaps"], "check=perhaps: wants 1 or 0."),
        (["form=2026-11-21"], "rebuild-sessions knows no argument 'form'"),
    ],
)
def test_wrong_use_is_told(installation: Installation, words: list[str], complaint: str) -> None:
    told = installation.cli("cmd=rebuild-sessions", *words)
    assert (told.status, told.out) == (2, "")
    assert complaint in told.err

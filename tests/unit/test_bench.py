"""What `make bench` does with what it measures: above all, it reports nothing of work that was not done."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main, run
from bench.drain import drain
from bench.drain_memory import drained, measure_drain_memory
from bench.installation import SITE_ID, installed
from bench.measuring import QUICK, Absent, Figure, NotDone, Result, Size, in_turn
from bench.quiet import measure_quiet, seen, stored_by_cron, visits
from bench.request import cpu, measure_request
from bench.requests import KINDS, environs
from bench.yardsticks.bulk_load import bulk_load
from owa.accounts.audit import COMMAND_LINE
from owa.app import Installation
from owa.contributions import INCOMING
from owa.db.pauses import QUEUE
from owa.pausing import pause
from owa.testing.traffic import Plan, generate

FIGURE = Figure("speed", "ours", "theirs", "µs", ((2.0, 4.0), (3.0, 4.0), (4.0, 4.0)), "at most 1")


def test_sides_take_turns_at_being_first() -> None:
    order: list[str] = []

    def side(name: str) -> Any:
        def measure(number: int) -> float:
            order.append(f"{name}{number}")
            return 1.0

        return measure

    assert in_turn(3, side("a"), side("b")) == ((1.0, 1.0),) * 3
    assert order == ["a0", "b0", "b1", "a1", "a2", "b2"]


def test_results_are_written_with_median_and_spread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"speed": lambda _folder, _size: Result((FIGURE,))}, QUICK, tmp_path) == 0
    (written,) = json.loads((tmp_path / "speed.json").read_text())["figures"]
    assert written["ratio"] == {"median": 0.75, "least": 0.5, "greatest": 1.0, "quartiles": [0.5, 1.0]}
    assert (
        "| speed | ours | 3.0 µs | theirs | 4.0 µs | **0.750** | 0.500 to 1.000 | at most 1 |"
        in capsys.readouterr().out
    )
    assert "**0.750**" in (tmp_path / "table.md").read_text()


def test_work_that_was_not_done_is_not_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lost(_folder: Path, _size: Size) -> Result:
        raise NotDone("rows: 9, not 10.")

    benchmarks = {"lost": lost, "speed": lambda _folder, _size: Result((FIGURE,))}
    assert run(benchmarks, QUICK, tmp_path) == 1
    assert "FAILED lost: NotDone: rows: 9, not 10." in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speed.json", "table.md"]
    assert "lost" not in (tmp_path / "table.md").read_text()


def test_what_is_absent_is_skipped_loudly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(_folder: Path, _size: Size) -> Result:
        raise Absent("there is no nginx here")

    assert run({"capacity": absent}, QUICK, tmp_path) == 0
    assert "SKIPPED capacity: there is no nginx here" in capsys.readouterr().err


def test_an_unknown_name_is_wrong_use() -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_none_is_not_measured(kind: str) -> None:
    def refuses(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [b""]

    with pytest.raises(NotDone, match="answers"):
        cpu(refuses, list(environs(kind, 2)), kind)


def test_a_drain_that_lacks_events_is_not_measured(tmp_path: Path) -> None:
    events = generate(Plan(20, (SITE_ID,), nasty=0))
    with installed(tmp_path) as installation, pytest.raises(NotDone, match="events processed: 20, not 21"):
        drain(installation, [*events, events[0]])


def test_a_drain_that_stores_less_is_not_measured(tmp_path: Path) -> None:
    events = generate(Plan(20, (SITE_ID,), nasty=0))
    with installed(tmp_path) as installation, pytest.raises(NotDone, match="20, not 21"):
        drain(installation, [*events, events[0]])


def test_a_load_makes_the_same_tables(tmp_path: Path) -> None:
    with installed(tmp_path / "owa") as installation:
        drain(installation, generate(Plan(20, (SITE_ID,), nasty=0)))
    seconds, rows = bulk_load(tmp_path / "owa" / "owa.db", tmp_path / "copy.db", 2, lambda: 1.0)
    assert seconds == 0.0
    assert rows > 20


def test_the_tracking_request_is_measured(tmp_path: Path) -> None:
    result = measure_request(tmp_path, Size(share=0.01, rounds=1))
    assert {figure.name.partition(",")[0] for figure in result.figures} == {*KINDS, "checks alone"}
    assert result.profile["whole"] > 0


def _without_drains(installation: Installation) -> None:
    pause(installation, QUEUE, INCOMING, COMMAND_LINE)


def test_memory_of_a_drain_is_measured(tmp_path: Path) -> None:
    figures = measure_drain_memory(tmp_path, Size(share=0.01, rounds=1)).figures
    assert [(figure.ours, figure.theirs) for figure in figures] == [
        ("2,000 events", "200 events"),
        ("200 events", "20 events"),
    ]
    assert all(megabytes > 20 for figure in figures for pair in figure.pairs for megabytes in pair)


def test_memory_of_a_line_that_stores_nothing_is_not_measured(tmp_path: Path) -> None:
    with installed(tmp_path) as installation:
        _without_drains(installation)
        installation.incoming.put(generate(Plan(20, (SITE_ID,), nasty=0)))
    with pytest.raises(NotDone, match="events stored: 0, not 20"):
        drained(tmp_path, 20)


def test_an_event_on_a_quiet_site_is_measured(tmp_path: Path) -> None:
    result = measure_quiet(tmp_path, Size(share=0.01, rounds=1))
    assert all(ours > 0 and allowed == 1.0 for figure in result.figures for ours, allowed in figure.pairs)
    with sqlite3.connect(tmp_path / "owa.db") as connection:
        stored = connection.execute("SELECT count(*) FROM owa_request").fetchone()
    assert stored == (500 + 2 + 1 + 1,)  # in process a visitor views two pages


def test_an_event_that_is_not_stored_is_not_measured(tmp_path: Path) -> None:
    with installed(tmp_path) as installation:
        _without_drains(installation)
    with pytest.raises(NotDone, match="of 1"):
        stored_by_cron(tmp_path, next(visits(0)))


def test_a_part_of_what_was_sent_is_not_measured(tmp_path: Path) -> None:
    visit = next(visits(0))
    with installed(tmp_path) as installation:
        drain(installation, visit[:1])
    seen(tmp_path, visit[:1], lambda: True)
    with pytest.raises(NotDone, match="of 2"):
        seen(tmp_path, visit, lambda: True)

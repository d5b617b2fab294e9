"""What `make bench` does with what it measures: above all, it reports nothing of work that was not done."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main, run
from bench.drain import _drain
from bench.installation import SITE_ID, installed
from bench.measuring import QUICK, Absent, Figure, NotDone, Result, Size, in_turn
from bench.request import cpu, measure_request
from bench.requests import KINDS, environs
from bench.yardsticks.bulk_load import bulk_load
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
        _drain(installation, [*events, events[0]])


def test_a_load_makes_the_same_tables(tmp_path: Path) -> None:
    with installed(tmp_path / "owa") as installation:
        _drain(installation, generate(Plan(20, (SITE_ID,), nasty=0)))
    seconds, rows = bulk_load(tmp_path / "owa" / "owa.db", tmp_path / "copy.db", 2, lambda: 1.0)
    assert seconds == 0.0
    assert rows > 20


def test_the_tracking_request_is_measured(tmp_path: Path) -> None:
    result = measure_request(tmp_path, Size(share=0.01, rounds=1))
    assert {figure.name.partition(",")[0] for figure in result.figures} == {*KINDS, "checks alone"}
    assert result.profile["whole"] > 0

"""Who gets the processor. In a process of its own: niceness cannot be taken back."""

import os
import sys
from ast import literal_eval
from pathlib import Path
from threading import Event, Thread, get_native_id

import pytest

from owa.processors import NICENESS, TURN, in_the_background, pin_to_processor
from owa.queues.testing import killed_at_the_end

Seen = dict[str, object]


def policies() -> set[int]:
    return {os.sched_getscheduler(int(path.name)) for path in Path("/proc/self/task").iterdir()}


def look() -> Seen:
    """As a thread that answers requests has it."""
    return {"policies": policies(), "turn": sys.getswitchinterval(), "nice": os.getpriority(os.PRIO_PROCESS, 0)}


class Background:
    """A thread that works until it is let go."""

    def __init__(self) -> None:
        self._begun, self._ends = Event(), Event()
        self.niceness = 0
        self._thread = Thread(target=in_the_background, args=(self._work,))
        self._thread.start()
        self._begun.wait()

    def _work(self) -> None:
        self.niceness = os.getpriority(os.PRIO_PROCESS, get_native_id())
        self._begun.set()
        self._ends.wait()

    def end(self) -> None:
        self._ends.set()
        self._thread.join()


def test_work_in_the_background_makes_way(tmp_path: Path) -> None:
    def work() -> None:
        pin_to_processor(0)
        before = look()
        first, second = Background(), Background()
        during = look()
        first.end()
        still = look()
        second.end()
        told = [before, during, still, look(), first.niceness, second.niceness]
        (tmp_path / "told").write_text(repr(told))

    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    with killed_at_the_end(work):
        before, during, still, after, first, second = literal_eval((tmp_path / "told").read_text())
    assert before["policies"] == {os.SCHED_BATCH}
    assert during == {"policies": {os.SCHED_OTHER}, "turn": pytest.approx(TURN), "nice": niceness}
    assert still == during
    assert after == before
    assert first == second == min(19, niceness + NICENESS)


def test_a_process_that_is_not_pinned_keeps_its_policy(tmp_path: Path) -> None:
    def work() -> None:
        background = Background()
        (tmp_path / "told").write_text(repr(policies()))
        background.end()

    with killed_at_the_end(work):
        assert literal_eval((tmp_path / "told").read_text()) == {os.SCHED_OTHER}


def test_what_becomes_of_the_work_is_told() -> None:
    niceness = os.getpriority(os.PRIO_PROCESS, get_native_id())
    assert in_the_background(lambda: os.getpriority(os.PRIO_PROCESS, get_native_id())) == min(19, niceness + NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, get_native_id()) == niceness
    with pytest.raises(ZeroDivisionError):
        in_the_background(lambda: 1 // 0)


def test_without_a_thread_to_be_had_it_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refused)
    assert in_the_background(get_native_id) == get_native_id()

"""Who in a web process gets the processor.

A pinned process has one processor: threads of one interpreter that wander between processors hand its lock to and
fro, at a factor of 2 to 5. There the server's thread would interrupt the one that answers at each single answer, only
to send it: as batch work it waits its turn, a few milliseconds at most, and sends many.

Behind work in the background that would be too long, at each request. So that work makes way: by its niceness, by a
shorter turn at the interpreter's lock, and meanwhile nobody waits his turn.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread, current_thread
from typing import TypeVar

from owa.settings import boolean

T = TypeVar("T")

PIN_WORKERS = boolean(
    "base.pin_workers",
    default=False,
    help="Pin each web process to a processor. For servers with several worker processes, such as granian.",
    label="Pin processes to processors",
    group="How events are processed",
    restart=True,
)

NICENESS = 15
"""Of work in the background. It is left a thirtieth of a processor that others want whole: with less, it might not get
to let go of the interpreter's lock, and all would wait for it."""
TURN = 0.0005
"""Seconds that it may keep the interpreter's lock when others wait for it."""

_allowed = os.sched_getaffinity(0)
"""The processors that this process might use when it started."""


def pin_to_processor(number: int) -> None:
    """Pin this process to one of the processors that it may use, with the threads that it starts from now on; `number`
    is taken modulo how many there are."""
    os.sched_setaffinity(0, {sorted(_allowed)[number % len(_allowed)]})
    _schedule(0, os.SCHED_BATCH)


def unpin() -> None:
    """Let this process, and the children that it starts from now on, use all processors again."""
    os.sched_setaffinity(0, _allowed)
    _schedule(0, os.SCHED_OTHER)


def allowed_processors() -> list[int]:
    """Those that this process might use when it started, for what it starts without being pinned."""
    return sorted(_allowed)


def in_the_background(work: Callable[[], T]) -> T:
    """Do it in a thread of its own that makes way for the others; returns, or raises, what it does. Threads and
    processes that it starts are as nice."""
    outcome: Future[T] = Future()
    # killed at any instant, what is done there loses nothing: it must not keep the process from ending
    thread = Thread(target=_work, args=(work, outcome), name=f"{current_thread().name}-background", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # none is to be had: better here than not at all
        return work()
    return outcome.result()


def _work(work: Callable[[], T], outcome: Future[T]) -> None:
    with suppress(OSError):
        os.nice(NICENESS)  # cannot be taken back: the thread ends with the work
    try:
        with _background:
            result = work()
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(result)


class _Background:
    """The threads that are at work in the background."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads = 0
        self._turn = 0.0
        self._were_batch_work = False
        """The process's threads, before."""

    def __enter__(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._turn = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN, self._turn))
                self._were_batch_work = any(_policy(thread) == os.SCHED_BATCH for thread in _threads())
                self._reschedule(os.SCHED_OTHER)

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                sys.setswitchinterval(self._turn)
                self._reschedule(os.SCHED_BATCH)

    def _reschedule(self, policy: int) -> None:
        for thread in _threads() if self._were_batch_work else ():
            _schedule(thread, policy)


_background = _Background()


def _threads() -> list[int]:
    """Of this process."""
    with suppress(OSError):
        return [int(path.name) for path in Path("/proc/self/task").iterdir()]
    return []


def _policy(thread: int) -> int:
    with suppress(OSError):  # it has just ended
        return os.sched_getscheduler(thread)
    return os.SCHED_OTHER


def _schedule(thread: int, policy: int) -> None:
    """`thread`: 0: this one."""
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(thread, policy, os.sched_param(0))

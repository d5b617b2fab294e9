"""Pins a web process to one processor: threads of one interpreter that wander between processors hand its lock to and
fro, at a factor of 2 to 5.

There the server's thread would interrupt the one that answers at each single answer, only to send it: as batch work it
waits its turn, a few milliseconds at most, and sends many.
"""

import os
from contextlib import suppress

from owa.settings import boolean

PIN_WORKERS = boolean(
    "base.pin_workers",
    default=False,
    help="Pin each web process to a processor. For servers with several worker processes, such as granian.",
    label="Pin processes to processors",
    group="How events are processed",
    restart=True,
)


_allowed = os.sched_getaffinity(0)
"""The processors that this process might use when it started."""


def pin_to_processor(number: int) -> None:
    """Pin this process to one of the processors that it may use, with the threads that it starts from now on; `number`
    is taken modulo how many there are."""
    os.sched_setaffinity(0, {sorted(_allowed)[number % len(_allowed)]})
    _schedule(os.SCHED_BATCH)


def unpin() -> None:
    """Let this process, and the children that it starts from now on, use all processors again."""
    os.sched_setaffinity(0, _allowed)
    _schedule(os.SCHED_OTHER)


def allowed_processors() -> list[int]:
    """Those that this process might use when it started, for what it starts without being pinned."""
    return sorted(_allowed)


def _schedule(policy: int) -> None:
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, policy, os.sched_param(0))

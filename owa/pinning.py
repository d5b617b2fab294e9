"""Pins a web process to one processor: threads of one interpreter that wander between processors hand its lock to and
fro, at a factor of 2 to 5."""

import os

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
    """Pin this process to one of the processors that it may use; `number` is taken modulo how many there are."""
    os.sched_setaffinity(0, {sorted(_allowed)[number % len(_allowed)]})


def unpin() -> None:
    """Let this process, and the children that it starts from now on, use all processors again."""
    os.sched_setaffinity(0, _allowed)


def allowed_processors() -> list[int]:
    """Those that this process might use when it started, for what it starts without being pinned."""
    return sorted(_allowed)

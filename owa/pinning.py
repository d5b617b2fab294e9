"""Pins a web process to one processor: threads of one interpreter that wander between processors hand its lock to and
fro, at a factor of 2 to 5."""

import os

from owa.settings import boolean

PIN_WORKERS = boolean(
    "base.pin_workers",
    default=False,
    help="Pin each web process to a processor. For servers with several worker processes, such as granian.",
)


def pin_to_processor(number: int) -> None:
    """Pin this process to one of the processors that it may use; `number` is taken modulo how many there are."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[number % len(processors)]})

"""Runs OWA with a fault at a named place: `python -m tests.faults.killed POINT [N [SIGNAL]] -- cli cmd=…`, or
`-- pserve INI`. The N-th time (by default the first) that it comes to POINT, the process sends itself SIGNAL (by
default KILL). The point `calls` is each call of a function of OWA, in any thread, from when it is open.

A process that ends by itself says on stderr how often it came there: see `REACHED`.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from pkgutil import resolve_name
from types import FrameType
from typing import Any

import owa

REACHED = re.compile(r"^(\S+) was reached (\d+) times$", re.MULTILINE)
"""What is said at the end."""

CALLS = "calls"
PACKAGE = str(Path(owa.__file__).parent) + os.sep


@dataclass(frozen=True)
class Point:
    """A place: just before or just after each call of a function."""

    holder: str
    """A module, or a class of one, as `pkgutil.resolve_name` takes it."""
    name: str
    before: bool

    def arm(self, reached: Callable[[], None]) -> None:
        """Have `reached` called there."""
        holder = resolve_name(self.holder)
        function = getattr(holder, self.name)

        @wraps(function)
        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            if self.before:
                reached()
            result = function(*arguments, **keywords)
            if not self.before:
                reached()
            return result

        setattr(holder, self.name, wrapped)


def before(holder: str, name: str) -> Point:
    return Point(holder, name, before=True)


def after(holder: str, name: str) -> Point:
    return Point(holder, name, before=False)


APPENDER = "owa.queues.append:Appender"
DIALECT = "sqlalchemy.engine.default:DefaultDialect"
FOLDER = "owa.queues.files.folder:Folder"
HAND_OVER = "owa.processing.hand_over:HandOver"
PENDING = "owa.queues.files.pending"
POSITIONS = "owa.queues.positions:Positions"
PROCESSOR = "owa.processing.processor:Processor"
QUEUE = "owa.queues.files.queue"
RETRIES = "owa.modules.database_queue.queue:DatabaseQueue"

POINTS = {
    "append:before-write": before(APPENDER, "write"),
    "append:locked": after(APPENDER, "_lock_current_file"),
    "append:after-write": after(APPENDER, "write"),
    "append:after-numbers": after("owa.queues.numbering:Numbering", "flush"),
    "rotate:before-rename": after(FOLDER, "_segment_name"),
    "rotate:after-rename": after(FOLDER, "rotate"),
    "read:before": before(QUEUE, "read_block"),
    "read:after": after(QUEUE, "read_block"),
    "write:after-handlers": after("owa.processing.store:HandlerTable", "store"),
    "write:after-fates": after("owa.processing.fates:Fates", "decide"),
    "write:after-counts": after("owa.processing.fates:Fates", "count_others"),
    "write:after-receipts": after("owa.processing.processor", "note_receipts"),
    "acknowledge:after-move": after(POSITIONS, "move"),
    "acknowledge:after": after(POSITIONS, "quarantine"),
    "commit:before": before(DIALECT, "do_commit"),
    "commit:after": after(DIALECT, "do_commit"),
    "archive:before-rename": before(FOLDER, "finish"),
    "archive:before-touch": before("owa.queues.files.folder:os", "utime"),
    "archive:after-rename": after(FOLDER, "finish"),
    "archive:after-forget": after(POSITIONS, "forget"),
    "retire:after-unlink": before(PENDING, "retire"),
    "retire:after": after(PENDING, "retire"),
    "lease:before-commit": after(RETRIES, "lease"),
    "lease:committed": after(PROCESSOR, "lease"),
    "lease:confirmed": after(RETRIES, "confirm"),
    "settle:after-done": after(RETRIES, "done"),
    "settle:after-wait": after(RETRIES, "wait"),
    "settle:after-keep": after(RETRIES, "keep"),
    "settle:after-wake": after(RETRIES, "wake"),
    "settle:after-adopt": after(RETRIES, "claim_waiting"),
    "settle:before-recheck": before(PROCESSOR, "_recheck"),
    "settle:before-retry": before(PROCESSOR, "retry"),
    "record:begun": after("owa.db.jobs", "begin"),
    "record:before-end": before("owa.db.jobs", "end"),
    "settle:after-retry": after(PROCESSOR, "retry"),
    "act:before-count": before("owa.db.failed_acts", "go_on"),
    "act:after-count": after("owa.db.failed_acts", "go_on"),
    "hand-over:before-put": before(HAND_OVER, "move"),
    "hand-over:after-put": before(HAND_OVER, "_settle"),
    "hand-over:after-receipts": after("owa.processing.hand_over", "note_receipts"),
    "hand-over:after": after(HAND_OVER, "_settle"),
}


class Fault:
    """Strikes the process once."""

    def __init__(self, point: str, number: int, what: signal.Signals) -> None:
        """`number`: how often it is reached until it strikes; 0: never."""
        self._point = point
        self._number = number
        self._what = what
        self._reached = 0
        self._lock = threading.Lock()

    def reached(self) -> None:
        with self._lock:
            self._reached += 1
            if self._reached == self._number:
                os.kill(os.getpid(), self._what)

    def tell(self) -> None:
        """Say how often it was reached; as `REACHED` reads it."""
        print(f"{self._point} was reached {self._reached} times", file=sys.stderr)


def arm_calls(reached: Callable[[], None]) -> None:
    """Have `reached` called at each call of a function of OWA from now on."""

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            reached()

    threading.setprofile(profile)
    sys.setprofile(profile)


def run_cli(words: list[str]) -> int:
    from owa.cli import main

    return main(words)


def run_pserve(words: list[str]) -> int:
    from pyramid.scripts.pserve import main

    return int(main(["pserve", *words]) or 0)


def run_act_on_all(words: list[str]) -> int:
    """What a page does in the background: `words` are the act."""
    from owa.app import open_installation
    from owa.processing.act_on_all import ActOnAll
    from owa.processing.acts import Act
    from owa.queues.contract import FailedFilter

    opened = open_installation()
    acts = ActOnAll(opened.database, opened.retries, opened.clock)
    act = Act(words[0])
    number, _total, wanted = acts.begin(act, FailedFilter(), "boss", lambda _connection, _done: None)
    acts.run(number, act, wanted, lambda _connection, _done: None)
    opened.close()
    return 0


PROGRAMS = {"cli": run_cli, "pserve": run_pserve, "act-on-all": run_act_on_all}


def run(words: list[str]) -> int:
    """`words`: as above."""
    split = words.index("--")
    name, number, what = (*words[:split], *("1", "KILL")[split - 1 :])
    fault = Fault(name, int(number), signal.Signals[f"SIG{what}"])
    if name == CALLS:
        after("owa.app", "open_installation").arm(lambda: arm_calls(fault.reached))
    else:
        POINTS[name].arm(fault.reached)
    program, *arguments = words[split + 1 :]
    try:
        return PROGRAMS[program](arguments)
    finally:
        sys.setprofile(None)
        fault.tell()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

"""`processEventQueue` with nothing to do, as a cron line runs it: CPU time of the whole process."""

import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.cron import LINE, begun, ended
from bench.installation import installed
from bench.measuring import Figure, Result, Size, in_turn

ROUNDS = 7
BARE = (sys.executable, "-c", "pass")


def measure_idle(folder: Path, size: Size) -> Result:
    """Seconds of CPU, against those of a bare interpreter."""
    with installed(folder):
        pass
    _cpu(LINE, folder)
    pairs = in_turn(size.times(ROUNDS), lambda _number: _cpu(LINE, folder), lambda _number: _cpu(BARE, folder))
    figure = Figure("processEventQueue, nothing to do", "OWA", "python -c pass", "s", pairs, "OWA under 0.5 s")
    return Result((figure,))


def _cpu(words: Sequence[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended(begun(words, folder))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

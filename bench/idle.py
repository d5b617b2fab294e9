"""`processEventQueue` with nothing to do, as a cron line runs it: CPU time of the whole process."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from bench.installation import installed
from bench.measuring import Figure, NotDone, Result, Size, in_turn

ROUNDS = 7
ROOT = Path(__file__).parents[1]


def measure_idle(folder: Path, size: Size) -> Result:
    """Seconds of CPU, against those of a bare interpreter."""
    with installed(folder):
        pass
    drain = [sys.executable, str(ROOT / "cli.py"), "cmd=processEventQueue"]
    bare = [sys.executable, "-c", "pass"]
    _cpu(drain, folder)
    pairs = in_turn(size.times(ROUNDS), lambda _number: _cpu(drain, folder), lambda _number: _cpu(bare, folder))
    figure = Figure("processEventQueue, nothing to do", "OWA", "python -c pass", "s", pairs, "OWA under 0.5 s")
    return Result((figure,))


def _cpu(words: list[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, env={**os.environ, "OWA_DATA_DIR": str(folder)}, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise NotDone(f"{words[-1]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

"""The cron line that drains, as a user has it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measuring import NotDone

ROOT = Path(__file__).parents[1]

LINE = (sys.executable, str(ROOT / "cli.py"), "cmd=processEventQueue")


def begun(words: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """`LINE`, or what is measured beside it, at work on the installation of that folder."""
    environment = {**os.environ, "OWA_DATA_DIR": str(folder)}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes]) -> str:
    """What it has printed. Raises `NotDone` when it has failed."""
    printed, complaints = process.communicate()
    if process.returncode:
        raise NotDone(f"{process.args!r} ended with {process.returncode}: {complaints.decode()[-500:]}")
    return printed.decode()

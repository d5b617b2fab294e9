"""What must be true of an installation when the killed have been followed by one that was not."""

import io
import os
import sqlite3
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from owa.cli import main
from tests.faults import killed
from tests.servers import ROOT, Installation, Result, run_forked

OBSERVED = {"owa_queue_sample", "owa_queue_done", "owa_ledger_line"}
"""What was seen on the way."""
UNEVEN = {"owa_attempt", "owa_queue_item", "owa_queue_position", "owa_receipt", "owa_job_run", *OBSERVED}
"""Tables with times of processing, or with what is kept of writers until they are retired."""


LAUNCHER = (sys.executable, "-m", "tests.faults.killed")


def launch(installation: Installation, *words: str) -> Result:
    """Run OWA with a fault: `words` as `tests.faults.killed` takes them."""
    return run_forked(killed.run, [*words], ROOT, installation.environment())


def command(installation: Installation, *words: str) -> Result:
    """Run a command in this process, which saves half a second of start."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("OWA_")]:
            patch.delenv(name)
        for name, value in installation.environment().items():
            patch.setenv(name, value)
        status = main(list(words))
    return Result(status, out.getvalue(), err.getvalue())


def recover(installation: Installation) -> None:
    """Drain it to the end, without a complaint. Then the ledger has no drift, and nothing is left where it was read."""
    assert command(installation, "cmd=processEventQueue") == Result(0, "", "")
    ledger = command(installation, "cmd=verify-ledger", "format=json")
    assert (ledger.status, ledger.json["drift"]) == (0, 0), ledger.out
    assert files(installation.data_dir / "logs" / "unprocessed") == []
    assert files(installation.data_dir / "logs" / "quarantine") == []


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Whole rows of all tables, and of the processing queue what does not depend on when it was processed."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: _rows(connection, f"SELECT * FROM {name}") for name in names if name not in UNEVEN}
        items = "SELECT id, status, remaining, failed_attempt_count, waits_for, last_error_msg FROM owa_queue_item"
        return found | {"owa_queue_item": _rows(connection, items)}


def _rows(connection: sqlite3.Connection, select: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(select).fetchall(), key=repr)

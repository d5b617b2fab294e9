"""What commands do, each with an installation that was opened for it: nothing is known from an earlier time."""

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout

from bench.scale.building import opened
from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import Command
from owa.cli.commands.diagnose import DIAGNOSE
from owa.cli.commands.status import QUEUE_STATUS
from owa.cli.output import Output


def _ran(command: Command, says: str, of: Installation) -> str:
    url = of.database.url
    away = "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=False)
    printed = io.StringIO()
    with opened(of.data_dir, away) as anew, redirect_stdout(printed), redirect_stderr(io.StringIO()):
        command.run(anew, Arguments({}), Output(json=True, verbose=False))
    return "" if says in printed.getvalue() else f"does not say {says!r}"


COMMANDS: Mapping[str, Callable[[Installation], str]] = {
    "cmd=queue-status": lambda of: _ran(QUEUE_STATUS, "oldest_seconds", of),
    "cmd=diagnose": lambda of: _ran(DIAGNOSE, "given up", of),
}

COMMANDS_FLOOR = 1.0
"""Seconds more that a command may take: who begins anew counts the files of a queue from their start, 400 MB of them
for half a million events. Servers remember what they have counted."""

"""`cmd=verify-ledger`."""

from dataclasses import fields
from typing import Any

from owa.analytics.counting import count_facts
from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.processing.ledger import Ledger, Line, drift_of
from owa.processing.verifying import verify

COLUMNS = tuple(field.name for field in fields(Line))


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    ledger = Ledger(installation.database, installation.incoming, installation.retries, count_facts)
    runs, wait = installation.runs("command"), arguments.number("wait", 30.0) or 0.0
    lines = verify(ledger, installation.database, installation.clock, runs, wait)
    output.document({"drift": drift_of(lines), "lines": [_document(line) for line in lines]})
    output.table("Ledger", (*COLUMNS, "drift"), [tuple(_document(line).values()) for line in lines])
    for line in lines:
        if line.drift:
            output.problem(
                f"server {line.server}, site {line.site_id or '(unknown)'}: drift {line.drift:+d}. "
                f"{line.took} taken, {line.accounted - line.missing_rows} found."
            )
    return TROUBLE if any(line.drift for line in lines) else DONE


def _document(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in COLUMNS} | {"drift": line.drift}


VERIFY_LEDGER = Command(
    "verify-ledger",
    "Check that everything that was taken is somewhere; says at which server and site something is missing.",
    run,
    {"wait": "seconds to wait for a drain to end; default 30"},
)

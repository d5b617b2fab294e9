"""Verifies the ledger, and keeps what was found."""

from dataclasses import asdict

from owa.clock import Clock
from owa.db import ledger as stored
from owa.db.engine import Database
from owa.db.ledger import StoredLine
from owa.processing.ledger import Ledger, Line
from owa.processing.runs import Figures, Runs

INTERVAL = 3_600
"""Seconds between two times: on great tables it takes a while, and no drain runs meanwhile."""

JOB = "verify"
"""What its runs are recorded as."""


def verify(ledger: Ledger, database: Database, clock: Clock, runs: Runs, wait: float = 30.0) -> list[Line]:
    """The lines, as `Ledger.verify` gives them; kept for the dashboard. Raises what that raises."""
    lines: list[Line] = []

    def work() -> Figures:
        lines.extend(ledger.verify(wait))
        now = clock.now()
        with database.writing() as connection:
            stored.store_lines(connection, [_stored(line, now) for line in lines])
        return {"lines": len(lines), "drift": sum(abs(line.drift) for line in lines)}

    runs.clean(JOB, work)
    return lines


def _stored(line: Line, now: int) -> StoredLine:
    figures = {name: value for name, value in asdict(line).items() if isinstance(value, int) and name != "server"}
    return StoredLine(line.server, line.site_id, figures | {"drift": line.drift}, now)

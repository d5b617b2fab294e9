"""Verifies the ledger, and keeps what was found."""

from collections.abc import Sequence
from dataclasses import asdict

from owa.clock import Clock
from owa.db import ledger as stored
from owa.db.engine import WRITE_PATIENCE, Database
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
        keep(database, clock, lines)
        return {"lines": len(lines), "drift": sum(abs(line.drift) for line in lines)}

    runs.clean(JOB, work)
    return lines


def keep(database: Database, clock: Clock, lines: Sequence[Line], patience: float = WRITE_PATIENCE) -> None:
    """Keep what was found, for all who ask later. Raises `DatabaseUnavailable`."""
    now = clock.now()
    with database.writing(patience) as connection:
        stored.store_lines(connection, [_stored(line, now) for line in lines])


def keep_news(database: Database, clock: Clock, lines: Sequence[Line], patience: float) -> None:
    """The same, but only if another drift is known so far: for those who look often. Raises `DatabaseUnavailable`."""
    found = {(line.server, line.site_id): line.drift for line in lines if line.drift}
    with database.reading() as connection:
        known = {(line.server, line.site_id): line.figures.get("drift") for line in stored.stored_lines(connection)}
    if found != {account: drift for account, drift in known.items() if drift}:
        keep(database, clock, lines, patience)


def verified(lines: Sequence[Line]) -> str:
    """What came of it, a sentence."""
    drifts = sum(1 for line in lines if line.drift)
    those = "1 line" if len(lines) == 1 else f"{len(lines):,} lines"
    took = sum(line.took for line in lines)
    off = f"{drifts} of them with a drift" if drifts else "no drift"
    return f"Verified {those} of the ledger, one for each server and site, of {took:,} events taken: {off}."


def _stored(line: Line, now: int) -> StoredLine:
    figures = {name: value for name, value in asdict(line).items() if isinstance(value, int) and name != "server"}
    return StoredLine(line.server, line.site_id, figures | {"drift": line.drift}, now)

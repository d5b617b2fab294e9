"""`cmd=queue-status`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import counts
from owa.errors import QueueUnavailable
from owa.queues.contract import QueueStatus
from owa.tracking.settings import QUEUE_EVENTS


def run(installation: Installation, _arguments: Arguments, output: Output) -> int:
    try:
        installation.incoming.check()
        exit_status = DONE
    except QueueUnavailable as error:
        output.problem(f"Tracking requests are answered 503. {error}")
        exit_status = TROUBLE
    asynchronous = installation.configuration.current().settings[QUEUE_EVENTS]
    statuses = {INCOMING: installation.incoming.status()}
    with installation.database.reading() as connection:
        statuses[PROCESSING] = installation.retries.status(connection)
        totals = list(counts.stored(connection))
    now = installation.clock.now()
    queues = {name: _figures(status, now) for name, status in statuses.items()}
    output.document(
        {
            "mode": "asynchronous" if asynchronous else "synchronous",
            "queues": queues,
            "counts": [
                {str(name): value for name, value in row.items()} | {"last_at": row["last_at"] // MICROSECONDS}
                for row in totals
            ],
        }
    )
    output.say(f"Mode: {'asynchronous' if asynchronous else 'synchronous'}")
    output.table(
        "Queues",
        ("queue", "depth", "oldest (s)", "more"),
        [(name, row.pop("depth"), _dash(row.pop("oldest_seconds")), _words(row)) for name, row in queues.items()],
    )
    output.table(
        "What became of events",
        ("outcome", "reason", "server", "site", "count", "last (UTC)", "detail"),
        [
            (row["outcome"], row["reason"], row["server"], row["site_id"], row["count"], _time(row), row["last_detail"])
            for row in totals
        ],
    )
    return exit_status


def _figures(status: QueueStatus, now: int) -> dict[str, Any]:
    oldest = None if status.oldest_at is None else max(0, now - status.oldest_at) // MICROSECONDS
    return {"depth": status.depth, "oldest_seconds": oldest, **status.details}


def _dash(value: object) -> object:
    return "–" if value is None else value


def _time(row: RowMapping) -> str:
    return datetime.fromtimestamp(row["last_at"] / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _words(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())


QUEUE_STATUS = Command("queue-status", "Show how much waits in each queue, and what became of all events so far.", run)

"""`cmd=queue-status`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import counts, jobs
from owa.errors import QueueUnavailable
from owa.queues.contract import QueueStatus
from owa.queues.settings import QUEUE_EVENTS


def run(installation: Installation, _arguments: Arguments, output: Output) -> int:
    try:
        installation.incoming.check()
        exit_status = DONE
    except QueueUnavailable as error:
        output.problem(f"Tracking requests are answered 503. {error}")
        exit_status = TROUBLE
    asynchronous = installation.configuration.current().settings[QUEUE_EVENTS]
    mode = "asynchronous" if asynchronous else "synchronous"
    statuses = {INCOMING: installation.incoming.status()}
    with installation.database.reading() as connection:
        statuses[PROCESSING] = installation.retries.status(connection)
        totals = list(counts.stored(connection))
        runs = jobs.last_of_each(connection)
    now = installation.clock.now()
    findings = installation.health.problems()
    for finding in findings:
        output.problem(f"{finding.text} {finding.remedy}")
    queues = {name: _figures(status, now) for name, status in statuses.items()}
    output.document(
        {
            "mode": mode,
            "queues": queues,
            "problems": [asdict(finding) for finding in findings],
            "last_runs": [_run(run) for run in runs],
            "counts": [
                {str(name): value for name, value in row.items()} | {"last_at": row["last_at"] // MICROSECONDS}
                for row in totals
            ],
        }
    )
    output.say(f"Mode: {mode}")
    _tell_queues(queues, output)
    _tell_runs(runs, output)
    _tell_counts(totals, output)
    return exit_status


def _tell_queues(queues: dict[str, dict[str, Any]], output: Output) -> None:
    output.table(
        "Queues",
        ("queue", "depth", "oldest (s)", "more"),
        [(name, row.pop("depth"), _dash(row.pop("oldest_seconds")), _words(row)) for name, row in queues.items()],
    )


def _tell_runs(runs: list[jobs.Run], output: Output) -> None:
    output.table(
        "Last runs",
        ("job", "server", "started (UTC)", "seconds", "result", "by", "what it did"),
        [
            (
                run.job,
                run.server,
                _time(run.started_at),
                _seconds(run),
                run.outcome,
                f"{run.caller} {run.owner}",
                run.detail or _words(run.figures),
            )
            for run in runs
        ],
    )


def _tell_counts(totals: list[RowMapping], output: Output) -> None:
    columns = ("outcome", "reason", "server", "site_id", "count", "last_at", "last_detail")
    output.table(
        "What became of events",
        ("outcome", "reason", "server", "site", "count", "last (UTC)", "detail"),
        [[_time(row[name]) if name == "last_at" else row[name] for name in columns] for row in totals],
    )


def _figures(status: QueueStatus, now: int) -> dict[str, Any]:
    oldest = None if status.oldest_at is None else max(0, now - status.oldest_at) // MICROSECONDS
    return {"depth": status.depth, "oldest_seconds": oldest, **status.details}


def _dash(value: object) -> object:
    return "–" if value is None else value


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(run: jobs.Run) -> float:
    return round(run.duration / MICROSECONDS, 3)


def _run(run: jobs.Run) -> dict[str, Any]:
    times = {"started_at": run.started_at // MICROSECONDS, "duration": _seconds(run)}
    return asdict(run) | times | {"result": run.outcome}


def _words(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())


QUEUE_STATUS = Command("queue-status", "Show how much waits in each queue, and what became of all events so far.", run)

"""`cmd=queue-status`."""

from collections.abc import Iterator
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
from owa.diagnosis import Diagnosis, Verdict, diagnose
from owa.errors import OwaError
from owa.masking import masked_text
from owa.monitoring.thresholds import Thresholds, parse_thresholds
from owa.queues.contract import QueueStatus
from owa.queues.settings import QUEUE_EVENTS

MOST = 1_000_000
"""Events of each kind that are counted in the processing queue, by its indexes."""

WARNING, CRITICAL = 1, 2
"""Exit statuses when thresholds are given, as plugins of Nagios have them."""


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    warn, crit = _thresholds(arguments)
    try:
        return _show(installation, warn, crit, output)
    except OwaError as error:
        if not (warn.limits or crit.limits):
            raise
        return _critical(error, output)


def run_closed(error: OwaError, arguments: Arguments, output: Output) -> int:
    """Where OWA cannot be opened."""
    warn, crit = _thresholds(arguments)
    if not (warn.limits or crit.limits):
        raise error
    return _critical(error, output)


def _thresholds(arguments: Arguments) -> tuple[Thresholds, Thresholds]:
    return parse_thresholds("warn", arguments.text("warn")), parse_thresholds("crit", arguments.text("crit"))


def _critical(error: OwaError, output: Output) -> int:
    """Nothing can be judged: the one line that plugins of Nagios say, where Nagios reads it."""
    output.must_say(f"OWA CRITICAL: {' '.join(error.message.split())}".replace("|", "/"))  # figures come after a bar
    output.document({"error": error.message, "remedy": error.remedy})
    return CRITICAL


def _show(installation: Installation, warn: Thresholds, crit: Thresholds, output: Output) -> int:
    judges = bool(warn.limits or crit.limits)
    diagnosis = diagnose(installation.scene(lambda: None))
    problems = [*_problems(diagnosis)]
    for problem in problems:
        output.problem(f"{problem['text']} {problem['remedy']}".rstrip())
    mode = "asynchronous" if installation.configuration.current().settings[QUEUE_EVENTS] else "synchronous"
    statuses = {INCOMING: installation.incoming.status()}
    with installation.database.reading() as connection:
        statuses[PROCESSING] = installation.retries.glance(connection, MOST)
        totals = list(counts.stored(connection))
        runs = jobs.last_of_each(connection)
    now = installation.clock.now()
    queues = {name: _figures(status, now) for name, status in statuses.items()}
    critical, warning = crit.reached(queues), warn.reached(queues)
    output.document(
        {
            "mode": mode,
            "queues": queues,
            **({"critical": critical, "warning": warning} if judges else {}),
            "problems": problems,
            "last_runs": [_run(run) for run in runs],
            "counts": [
                {str(name): value for name, value in row.items()}
                | {"last_at": row["last_at"] // MICROSECONDS, "last_detail": masked_text(row["last_detail"])}
                for row in totals
            ],
        }
    )
    unkept = diagnosis.check("endpoint").is_broken
    status = TROUBLE if unkept else DONE
    if judges:
        status = _judged(critical, warning, queues, unkept=unkept, output=output)
    output.say(f"Mode: {mode}")
    _tell_queues(queues, output)
    _tell_runs(runs, output)
    _tell_counts(totals, output)
    return status


def _judged(
    critical: list[str], warning: list[str], queues: dict[str, dict[str, Any]], *, unkept: bool, output: Output
) -> int:
    """The exit status; says the one line that plugins of Nagios say, with the figures behind it."""
    status = CRITICAL if critical or unkept else WARNING if warning else DONE
    word = ("OK", "WARNING", "CRITICAL")[status]
    said = " ".join(dict.fromkeys((*(["Events cannot be kept."] if unkept else []), *critical, *warning)))
    figures = " ".join(
        f"{name}.depth={row['depth']} {name}.age={row['oldest_seconds'] or 0}s" for name, row in queues.items()
    )
    output.must_say(f"OWA {word}: {said or 'no queue has reached a threshold.'} | {figures}")
    return status


def _problems(diagnosis: Diagnosis) -> Iterator[dict[str, str]]:
    """What is broken: a line for each finding."""
    for check in diagnosis.broken:
        for found in check.findings:
            if found.verdict is Verdict.BROKEN:
                name = found.check or check.name
                yield {"module": found.module, "check": name, "text": found.text, "remedy": found.remedy}


def _tell_queues(queues: dict[str, dict[str, Any]], output: Output) -> None:
    output.table(
        "Queues",
        ("queue", "depth", "oldest (s)", "more"),
        [(name, row["depth"], _dash(row["oldest_seconds"]), _more(row)) for name, row in queues.items()],
    )


def _more(row: dict[str, Any]) -> str:
    shown = ("depth", "oldest_seconds", "oldest_due_seconds")
    return _words({name: value for name, value in row.items() if name not in shown})


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
                masked_text(run.detail) or _words(run.figures),
            )
            for run in runs
        ],
    )


def _tell_counts(totals: list[RowMapping], output: Output) -> None:
    columns = ("outcome", "reason", "server", "site_id", "count", "last_at", "last_detail")
    output.table(
        "What became of events",
        ("outcome", "reason", "server", "site", "count", "last (UTC)", "detail"),
        [[_cell(row, name) for name in columns] for row in totals if row["count"]],
    )


def _cell(row: RowMapping, name: str) -> object:
    """The detail may quote an event."""
    if name == "last_at":
        return _time(row[name])
    return masked_text(row[name]) if name == "last_detail" else row[name]


def _figures(status: QueueStatus, now: int) -> dict[str, Any]:
    oldest = _seconds_since(status.oldest_at, now)
    due = {"oldest_due_seconds": _seconds_since(status.oldest_due_at, now)} if "waiting" in status.details else {}
    return {"depth": status.depth, "oldest_seconds": oldest, **due, **status.details}


def _seconds_since(at: int | None, now: int) -> int | None:
    return None if at is None else max(0, now - at) // MICROSECONDS


def _dash(value: object) -> object:
    return "–" if value is None else value


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(run: jobs.Run) -> float:
    return round(run.duration / MICROSECONDS, 3)


def _run(run: jobs.Run) -> dict[str, Any]:
    times = {"started_at": run.started_at // MICROSECONDS, "duration": _seconds(run)}
    return asdict(run) | times | {"result": run.outcome, "detail": masked_text(run.detail)}


def _words(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())


QUEUE_STATUS = Command(
    "queue-status",
    "Show how much waits in each queue, what is broken, and what became of all events so far.",
    run,
    {
        "warn": "exit with 1 from this depth or age (s) of a queue on, such as depth:1000,age:60",
        "crit": "the same, with 2",
    },
    run_closed,
)

"""`cmd=processEventQueue`."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, HELD, TROUBLE, Command
from owa.cli.output import Output
from owa.contributions import INCOMING, PROCESSING
from owa.errors import DatabaseUnavailable, HeldByAnother, UsageError
from owa.exchange.settings import SERVER_NUMBER
from owa.processing import cleaning, sampling
from owa.processing.drain import Drained, Progress, drain_events, drain_retries
from owa.processing.runs import Runs
from owa.queues.contract import EventQueue
from owa.queues.settings import ARCHIVE_AGE, UNDO_DISCARD_DAYS
from owa.settings import did_you_mean

QUEUES = (INCOMING, PROCESSING)

FIGURES = ("processed", "duplicate", "waiting", "retrying", "forwarded", "failed", "quarantined")

EVER = 2**62
"""Microseconds: whenever that is due."""

FAILED_REMEDY = "Retry or discard them under Failed events (/admin/failed)."


@dataclass(slots=True)
class Outcome:
    """What came of each named queue."""

    drained: dict[str, Drained] = field(default_factory=dict)
    held: list[HeldByAnother] = field(default_factory=list)

    @property
    def outage(self) -> DatabaseUnavailable | None:
        """Why the database could not be used."""
        found = [drained.outage for drained in self.drained.values()]
        return next((one for one in found if isinstance(one, DatabaseUnavailable)), None)


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    names = _names(arguments)
    limit = arguments.number("limit")
    outcome = Outcome()
    for name in names:
        most = None if limit is None else int(limit)
        if outage := outcome.outage:  # it is the same for both: who waited for it once, knows
            outcome.drained[name] = Drained(outage=outage)
            continue
        try:
            outcome.drained[name] = _drain(installation, name, most, arguments, output)
        except HeldByAnother as held:
            outcome.held.append(held)
    if outcome.drained and not outcome.outage:
        _clean(installation)
        _sample(installation)
    _print(outcome, output)
    if len(outcome.held) == len(names):
        return HELD
    trouble = any(drained.outage or drained.report.failed for drained in outcome.drained.values())
    if arguments.text("retry") and PROCESSING in names and not outcome.outage:
        trouble |= _tell_off(installation, output)
    return TROUBLE if trouble else DONE


def _tell_off(installation: Installation, output: Output) -> bool:
    """Name the modules that are off, and whose event handlers events wait for; False: there are none."""
    with installation.database.reading() as connection:
        handlers = installation.retries.due_handlers(connection, EVER)
    off = {name.partition(":")[0] for name in handlers if not installation.registry.gives_to(name)}
    for module in sorted(off - {""}):
        output.problem(
            f"The module {module} is switched off, or does not work: what waits for it was not tried. Mend it, and "
            f"switch it on: python cli.py cmd=activate module={module}"
        )
    return bool(off - {""})


def _clean(installation: Installation) -> None:
    """Where cron drains, nobody else cleans up."""
    now, settings = installation.clock.now(), installation.configuration.current().settings
    with suppress(DatabaseUnavailable):  # the drains have told of it
        if cleaning.is_due(installation.database, now):
            ages = settings[ARCHIVE_AGE], settings[UNDO_DISCARD_DAYS]
            parts = installation.database, installation.retries, now, *ages
            installation.runs("command").clean("clean", lambda: cleaning.clean(*parts))


def _sample(installation: Installation) -> None:
    """Nor does anybody else look how full the queues are."""
    now, database = installation.clock.now(), installation.database
    server = installation.configuration.current().settings[SERVER_NUMBER]
    with suppress(DatabaseUnavailable):
        if sampling.is_left_to_cron(database, server, now):
            sampling.sample_incoming(database, installation.incoming, server, now)
            sampling.sample_processing(database, installation.retries, now)


def _names(arguments: Arguments) -> list[str]:
    if arguments.text("path"):
        if arguments.text("queues"):
            raise UsageError("path and queues contradict each other.", "Leave one out.")
        return [INCOMING]
    names = [name for name in arguments.text("queues", ",".join(QUEUES)).split(",") if name]
    for name in names:
        if name not in QUEUES:
            raise UsageError(f"There is no queue {name!r}{did_you_mean(name, QUEUES)}", f"Queues: {', '.join(QUEUES)}.")
    return names


def _drain(installation: Installation, name: str, limit: int | None, arguments: Arguments, output: Output) -> Drained:
    wait = arguments.number("wait", 30.0) or 0.0
    retry = arguments.text("retry")
    if retry not in ("", "now"):
        raise UsageError(f"retry={retry}: wants now.", "Leave it out to respect the back-offs.")
    runs = installation.runs("command")
    with output.progress(name, limit) as progress:
        if name == PROCESSING:
            force = retry == "now"
            drained = runs.drain(
                "retry",
                lambda: drain_retries(installation.processor, limit=limit, force=force, sweep=True, progress=progress),
            )
            if not drained.outage:
                _deliver(installation, runs, drained, limit, force, progress)
            return drained
        queue = _event_queue(installation, arguments)
        return runs.drain(
            "drain",
            lambda: drain_events(
                queue,
                installation.processor,
                limit=limit,
                wait=wait,
                judge_orphans=queue is installation.incoming,
                progress=progress,
            ),
        )


def _deliver(
    installation: Installation, runs: Runs, drained: Drained, limit: int | None, force: bool, progress: Progress
) -> None:
    """Give event handlers what is due, when the core is done; adds what came of it."""
    if not installation.registry.event_handlers:
        return
    from owa.delivery.deliveries import Deliveries  # takes a while to import, and most installations have none

    deliveries = Deliveries(installation)
    left = None if limit is None else max(0, limit - drained.report.events)
    delivered = runs.drain("deliver", lambda: deliveries.drain(limit=left, force=force, progress=progress))
    drained.report.add(delivered.report)
    drained.outage = drained.outage or delivered.outage
    drained.paused = drained.paused or delivered.paused
    drained.seconds += delivered.seconds


def _event_queue(installation: Installation, arguments: Arguments) -> EventQueue:
    path = arguments.text("path")
    if not path:
        return installation.incoming
    kind = installation.registry.queue_type(INCOMING)
    if kind.open_path is None:
        raise UsageError(f"Queues of type {kind.name} have no files.", "Leave out path.")
    return kind.open_path(installation.contexts.queue(INCOMING), Path(path))


def _print(outcome: Outcome, output: Output) -> None:
    figures = {name: _figures(drained) for name, drained in outcome.drained.items()}
    output.document({"queues": figures})
    output.table(
        "Drained",
        ("queue", *FIGURES, "seconds"),
        [(name, *(row[column] for column in (*FIGURES, "seconds"))) for name, row in figures.items()],
    )
    for held in outcome.held:
        output.problem(str(held))
    for drained in outcome.drained.values():
        if drained.paused:
            output.say(f"{drained.paused} Resume it with cmd=resume queue={drained.paused.name}")
    for name, drained in outcome.drained.items():
        if drained.outage:
            output.problem(f"{name} is paused. {drained.outage}")
        if drained.report.failed:
            output.problem(f"{name}: {drained.report.failed} events failed for good. {FAILED_REMEDY}")
        if drained.report.quarantined:
            output.problem(
                f"{name}: parts of queue files are no events, {drained.report.quarantined} in all. "
                "They were put aside in quarantine. See cmd=queue-status."
            )


def _figures(drained: Drained) -> dict[str, Any]:
    report = drained.report
    return {
        "processed": report.processed,
        "duplicate": report.duplicate,
        "waiting": max(0, report.waiting),
        "retrying": report.retrying,
        "forwarded": report.forwarded,
        "failed": report.failed,
        "quarantined": report.quarantined,
        "seconds": round(drained.seconds, 3),
    } | ({"paused": True} if drained.paused else {})


PROCESS_EVENT_QUEUE = Command(
    "processEventQueue",
    "Process what is queued. Made for cron: prints nothing when all is well.",
    run,
    {
        "queues": f"comma-separated; default {','.join(QUEUES)}",
        "limit": "at most this many events of each queue",
        "wait": "seconds to wait for another drain to end; default 30",
        "retry": "now: also try again what would be due later",
        "path": "drain this queue file, copied from another server",
    },
    for_admin=False,
)

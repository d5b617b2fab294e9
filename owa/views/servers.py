"""The servers: those that share the database, and those that send their events here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from owa.clock import MICROSECONDS
from owa.db.modules import Process
from owa.db.senders import Sender
from owa.node import this_process
from owa.presence import GONE

SILENT = 300
"""Seconds after which a sender that has said nothing is shown as silent: it sends a sign of life twice a minute, or
with each run of cron."""

SKEWED = 60
"""Seconds by which a clock may be off before that is shown as a problem: from 300 on, batches are turned away."""

SHOWN = 7 * 86_400
"""Seconds for which a server that is gone is shown."""

SENDS = "sends to here"
"""What is told as the mode of a sender: which one it is in is its own affair."""


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server. Times in microseconds."""

    number: int
    hosts: str
    mode: str
    lag: int | None
    """For how long its oldest event has been queued; None: nothing is queued."""
    lag_is_known: bool
    skew: int | None
    """How far its clock is behind; None: nobody can tell."""
    version: str
    generation: int
    is_up_to_date: bool
    """Whether all of its processes have applied the configuration of now."""
    processes: int
    """That are alive."""
    seen_at: int
    problems: list[str] = field(default_factory=list)


def own_servers(
    processes: Iterable[Process], generation: int, lags: Mapping[int, int | None], now: int
) -> list[ServerLine]:
    """Those that share the database. `generation`: of the configuration. `lags`: by server, where known."""
    by_server: dict[int, list[Process]] = {}
    for process in processes:
        by_server.setdefault(process.server, []).append(process)
    return [_own(number, found, generation, lags, now) for number, found in sorted(by_server.items())]


def _own(
    number: int, found: Sequence[Process], generation: int, lags: Mapping[int, int | None], now: int
) -> ServerLine:
    latest = max(found, key=lambda process: process.seen_at)
    alive = [process for process in found if process.seen_at >= now - GONE * MICROSECONDS]
    told = alive or [latest]
    skew = _skew(latest, now)
    problems = [] if alive else ["gone"]
    if skew is not None and abs(skew) > SKEWED * MICROSECONDS:
        problems.append("clock is off")
    if any(process.broken for process in alive):
        problems.append("broken modules")
    return ServerLine(
        number=number,
        hosts=_words(process.name.rpartition(":")[0] for process in told),
        mode=_words(process.mode or "" for process in told),
        lag=lags.get(number),
        lag_is_known=number in lags,
        skew=skew,
        version=_words(process.version or "" for process in told),
        generation=min(process.generation for process in told),
        is_up_to_date=all(process.generation == generation for process in told),
        processes=len(alive),
        seen_at=latest.seen_at,
        problems=problems,
    )


def _skew(process: Process, now: int) -> int | None:
    """Against the database's clock, where that has one; else against ours, if it is another machine's and ahead."""
    if process.skew is not None:
        return process.skew
    if process.name.rpartition(":")[0] == this_process().rpartition(":")[0]:
        return 0
    return now - process.seen_at if process.seen_at > now else None


def sending_servers(senders: Iterable[Sender], now: int) -> list[ServerLine]:
    """Those that send their events here."""
    return [
        ServerLine(
            number=sender.server,
            hosts=sender.host or sender.name,
            mode=SENDS,
            lag=None if sender.oldest_at is None else max(0, now - sender.oldest_at),
            lag_is_known=True,
            skew=sender.skew,
            version=sender.version,
            generation=sender.generation,
            is_up_to_date=True,  # it has a configuration of its own
            processes=0,
            seen_at=sender.seen_at,
            problems=sender_problems(sender, now),
        )
        for sender in senders
    ]


def sender_problems(sender: Sender, now: int) -> list[str]:
    """What an admin should see to. `now`: microseconds."""
    found = []
    if now - sender.seen_at > SILENT * MICROSECONDS:
        found.append("silent")
    if abs(sender.skew) > SKEWED * MICROSECONDS:
        found.append("clock is off")
    return found


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted({word for word in words if word}))

"""What an admin must know of the queues at once, with the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass

from owa.clock import MICROSECONDS
from owa.db.jobs import FAILED, PAUSED, Run
from owa.health import Finding
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.settings import Settings
from owa.views.filters import duration, moment

INTERVALS = 5
"""Drains that may be missing before that is an alarm."""

CRON_INTERVAL = 60
"""Seconds between two drains by cron, as `docs/operations.md` has it."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is wrong, and what to do about it."""

    title: str
    text: str


def unkept(reason: str) -> Alarm:
    """Events cannot be kept. `reason`: with its remedy."""
    return Alarm("Events cannot be kept: trackers are answered 503.", reason)


def unhealthy(finding: Finding) -> Alarm:
    """A check of a module has found something."""
    return Alarm(finding.text, finding.remedy)


def away(reason: str) -> Alarm:
    """The database is away. `reason`: with its remedy."""
    return Alarm("Processing is paused.", f"{reason} Tracking goes on: events are kept in the queue.")


def stopped(queue: str, last: Run | None, paused_since: int | None) -> Alarm | None:
    """The last drain ended early, or this server's drains are paused."""
    if last and last.result == FAILED:
        return Alarm(f"The last drain of {queue} failed.", f"{last.detail} The server's log has more.")
    is_paused = last is not None and last.result == PAUSED
    since = paused_since or (last.started_at if last and is_paused else None)
    if since is None:
        return None
    detail = last.detail if last and is_paused else "The next drain that comes to the end of the queue ends the pause."
    return Alarm(f"{queue} is paused since {moment(since)} UTC.", detail)


def skewed(server: int, skew: int) -> Alarm:
    """A clock is off. `skew`: microseconds that it is behind."""
    way = "behind" if skew > 0 else "ahead of"
    return Alarm(
        f"The clock of server {server} is {duration(abs(skew))} {way} the others’.",
        "Events are ordered by the time of the server that takes them: let it follow a time server (NTP).",
    )


def drift(drifts: Sequence[int], verified_at: int | None) -> Alarm:
    """The ledger does not balance. `drifts`: of the lines that have one."""
    lost, more = -sum(one for one in drifts if one < 0), sum(one for one in drifts if one > 0)
    found = [f"{count:,} {what}" for count, what in ((lost, "missing"), (more, "too many")) if count]
    return Alarm(
        f"The ledger does not balance: {' and '.join(found)}, as of {moment(verified_at)} UTC.",
        "Verify it now, below. If that stays, somebody has removed queue files or rows, or it is a bug: the line with "
        "the drift tells at which server and site.",
    )


def is_neglected(oldest_at: int | None, last: Run | None, settings: Settings, now: int) -> bool:
    """Whether something has waited for 5 intervals and no drain has ended meanwhile. Times in microseconds."""
    patience = INTERVALS * _interval(settings) * MICROSECONDS
    if oldest_at is None or now - oldest_at <= patience:
        return False
    return last is None or now - last.started_at - last.duration > patience


def neglected(queue: str, last: Run | None, settings: Settings, now: int) -> Alarm:
    """Nobody drains."""
    ago = f"for {duration(now - last.started_at - last.duration)}" if last else "so far"
    remedy = (
        f"The scheduler should, every {settings[DRAIN_INTERVAL]} s: see the log of the web server, and restart it."
        if settings[SCHEDULER]
        else "The scheduler is off, so cron must call: python cli.py cmd=processEventQueue. Or set OWA_SCHEDULER=1."
    )
    return Alarm(f"{queue}: nobody has drained {ago}, although events wait.", remedy)


def _interval(settings: Settings) -> int:
    return settings[DRAIN_INTERVAL] if settings[SCHEDULER] else CRON_INTERVAL

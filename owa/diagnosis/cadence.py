"""When drains are expected, and how many may be missing before that is told."""

from owa.clock import MICROSECONDS
from owa.db.jobs import FAILED, PAUSED, Run
from owa.diagnosis.check import Finding, Verdict
from owa.diagnosis.words import duration, moment
from owa.masking import masked_text
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.settings import Settings

MISSING = 5
"""Drains that may be missing before that is a finding."""

CRON_INTERVAL = 60
"""Seconds between two drains by cron, as `docs/operations.md` has it."""


def patience(settings: Settings) -> int:
    """For how long nobody may have drained, in microseconds."""
    return MISSING * (settings[DRAIN_INTERVAL] if settings[SCHEDULER] else CRON_INTERVAL) * MICROSECONDS


def ended_at(run: Run) -> int:
    """When it ended, or began if it has not; microseconds."""
    return run.started_at + run.duration


def is_silent(last: Run | None, oldest_at: int | None, expected_since: int | None, patience: int, now: int) -> bool:
    """Whether five drains are missing. Times in microseconds.

    `expected_since`: when the one began to live who should drain; None: not known. Where nobody has ever drained, that
    is told as soon as something has waited for it.
    """
    since = oldest_at if last is None else max(ended_at(last), expected_since or 0)
    return since is not None and now - since > patience


def stopped(queue: str, last: Run | None, paused_since: int | None) -> Finding | None:
    """The last drain ended early, or this server's drains are paused."""
    if last and last.result == FAILED:
        remedy = "The server's log has more. Drain now, at the dashboard or by python cli.py cmd=processEventQueue."
        text = f"The last drain of {queue} failed. {masked_text(last.detail)}"
        return Finding(Verdict.BROKEN, text, remedy, comes_of=("database",))
    is_paused = last is not None and last.result == PAUSED
    since = paused_since or (last.started_at if last and is_paused else None)
    if since is None:
        return None
    detail = f" {masked_text(last.detail)}" if last and is_paused else ""
    remedy = "The next drain that comes to the end of the queue ends the pause: python cli.py cmd=processEventQueue"
    text = f"{queue} is paused since {moment(since)} UTC.{detail}"
    return Finding(Verdict.BROKEN, text, remedy, comes_of=("database",))


def silence(queue: str, last: Run | None, now: int) -> str:
    """That nobody drains, in words."""
    if last is None:
        return f"{queue}: nobody has drained so far, although events wait."
    return f"{queue}: nobody has drained for {duration(now - ended_at(last))}."

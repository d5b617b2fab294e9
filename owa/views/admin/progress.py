"""How far somebody's act on all failed events that match has come, as pages show it."""

from dataclasses import dataclass, replace

from owa.clock import MICROSECONDS
from owa.db.failed_acts import DISMISSED, DONE, FailedAct
from owa.processing.act_on_all import loaded
from owa.queues.contract import FailedFilter, FailedState
from owa.views.admin.failed_query import ALL, in_words, query_of

SHOWN_FOR = 3_600
"""Seconds for which one that has stopped is shown; one that is done: a twelfth of that."""

_DOING = {
    "retry": ("Retry", "failed events"),
    "discard": ("Discard", "failed events"),
    "restore": ("Undo the discard of", "events"),
    "retry_now": ("Retry now", "events that are tried again"),
    "give_up": ("Discard", "events that are tried again"),
}


@dataclass(frozen=True, slots=True)
class Progress:
    number: int
    what: str
    """What is done with what."""
    user_id: str
    started_at: int
    updated_at: int
    done: int
    passed_over: int
    total: int
    is_running: bool
    is_done: bool
    detail: str
    """Why it stopped."""
    query: dict[str, str]
    """Leads to what is left."""

    @property
    def seen(self) -> int:
        return min(self.total, self.done + self.passed_over)


def progress_of(act: FailedAct | None, now: int) -> Progress | None:
    """Of the last one; None: there is none that somebody wants to know of."""
    if act is None or not _is_news(act, now):
        return None
    wanted = loaded(act.wanted)
    if wanted.until is not None and wanted.until > act.started_at:
        wanted = replace(wanted, until=None)  # nobody has asked for that: what comes later is another matter
    return Progress(
        number=act.number,
        what=_what(act.act, wanted),
        user_id=act.user_id,
        started_at=act.started_at,
        updated_at=act.updated_at,
        done=act.done,
        passed_over=act.passed_over,
        total=act.total,
        is_running=act.is_running(now),
        is_done=act.result == DONE,
        detail=act.detail or "Its process has ended.",
        query=query_of(wanted),
    )


def _is_news(act: FailedAct, now: int) -> bool:
    shown_for = SHOWN_FOR // 12 if act.result == DONE else SHOWN_FOR
    return act.is_running(now) or (act.result != DISMISSED and now - act.updated_at <= shown_for * MICROSECONDS)


def _what(act: str, wanted: FailedFilter) -> str:
    doing, events = _DOING.get(act, (act, "events"))
    words = in_words(replace(wanted, state=FailedState.FAILED))
    return f"{doing} all {events}" if words == ALL else f"{doing} all that match: {words}"

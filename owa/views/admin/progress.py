"""How far somebody's act on all failed events that match has come, as pages show it."""

from dataclasses import dataclass

from owa.clock import MICROSECONDS
from owa.db.failed_acts import DONE, FailedAct
from owa.processing.act_on_all import loaded
from owa.views.admin.failed_query import in_words, query_of

SHOWN_FOR = 3_600
"""Seconds for which one that has ended is shown."""

_DOING = {
    "retry": "Retry",
    "discard": "Discard",
    "restore": "Undo the discard of",
    "retry_now": "Retry now",
    "give_up": "Discard",
}


@dataclass(frozen=True, slots=True)
class Progress:
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
    if act is None or (not act.is_running(now) and now - act.updated_at > SHOWN_FOR * MICROSECONDS):
        return None
    wanted = loaded(act.wanted)
    return Progress(
        what=f"{_DOING.get(act.act, act.act)} all that match: {in_words(wanted)}",
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

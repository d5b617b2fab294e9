"""The way of an event, step by step, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from owa.contributions import INCOMING, PROCESSING
from owa.db.pauses import JOB, QUEUE, Pause, Paused
from owa.queues.contract import Remaining, State, Trail
from owa.tracing import SEARCHED, EventTrace
from owa.views.filters import duration, moment

GOOD, WAITS, BAD, NEUTRAL = "processed", "waiting", "failed", "off"
"""Classes of states."""

LONGEST_KIND = 100

DRAINS = {INCOMING: "drain", PROCESSING: "retry"}
"""The scheduler's job that drains a queue."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has happened to an event, or that is still to happen."""

    title: str
    at: int | None
    """Microseconds; None: it is not known, or has not happened."""
    where: str
    state: str
    """A word."""
    kind: str
    """How good that is: one of the classes."""
    text: str = ""
    """More about it."""
    failed: str | None = None
    """For whom it is among the failed events now: a handler; empty: the core."""

    @property
    def time(self) -> str:
        """In words: what has happened has a time, though it may not be kept."""
        if self.at is not None:
            return moment(self.at)
        return "not known" if self.kind == GOOD else "–"


def steps_of(trace: EventTrace, now: int) -> list[Step]:
    """In their order. `now`: microseconds."""
    stands = standing(trace.pauses, PROCESSING)
    steps = [_receipt(trace), _incoming(trace)]
    if trace.core:
        steps += _failures(trace, "")
        steps.append(_kept("Processing queue", trace.core, now, stands))
    if trace.rows or trace.core or trace.sought.event:
        steps.append(_rows(trace))
    if trace.session_id is not None and trace.rows:
        steps.append(_session(trace))
    for trail in trace.deliveries:
        steps += _failures(trace, trail.handler)
        steps.append(_kept(f"Delivery to {trail.handler}", trail, now, stands))
    return steps


def standing(pauses: Mapping[Paused, Pause], queue: str) -> str:
    """That nobody drains a queue, because an admin wants it so, in words; empty: he does not."""
    pause = pauses.get((QUEUE, queue)) or pauses.get((JOB, DRAINS[queue]))
    if pause is None:
        return ""
    return f"The {pause.kind} {pause.name} is paused since {moment(pause.paused_at)} UTC by {pause.paused_by}."


def _receipt(trace: EventTrace) -> Step:
    where = f"server {trace.server}"
    if trace.is_known:
        return Step("Received", trace.at, where, "taken", GOOD)
    text = f"Read as the guid of an event, the number names {where} and {moment(trace.at)} UTC: nothing else is known."
    return Step("Received", None, "–", "unknown", NEUTRAL, text)


def _incoming(trace: EventTrace) -> Step:
    title, sought = "Incoming queue", trace.sought
    stands = standing(trace.pauses, INCOMING) or "The next drain takes it."
    if sought.event:
        return Step(title, sought.event.received_at, f"this server, {sought.where}", "queued", WAITS, stands)
    if trace.trails or trace.rows:
        text = "It is not there any more, or was stored at once."
        return Step(title, trace.left_at, f"server {trace.server}", "left", GOOD, text)
    if not sought.is_whole:
        text = f"Only {SEARCHED >> 20} MB of this server’s queue were searched, where events of its moment stand."
        text += " It may be elsewhere in it, if it came by another server."
        return Step(title, None, "this server", "not searched", NEUTRAL, text)
    return Step(
        title, None, "this server", "not there", NEUTRAL, "Queues of other servers cannot be searched from here."
    )


def _kept(title: str, trail: Trail, now: int, stands: str) -> Step:
    """`stands`: why it is not taken now; empty: it is."""
    where = f"held by {trail.owner}" if trail.owner else trail.handled_by
    if trail.state is None:
        return Step(title, trail.finished_at, where or "not known", "done", GOOD, _took(trail.duration))
    text, at = _attempts(trail), trail.tried_at or trail.inserted_at
    match trail.state:
        case State.WAITING:
            rest = f"It waits for {trail.waits_for}."
            return Step(title, trail.inserted_at, where, "waiting", WAITS, f"{rest} {text}".rstrip())
        case State.FAILED:
            return Step(title, at, where, "failed", BAD, text, trail.handler)
        case _:
            due = f"Due at {moment(trail.due_at)} UTC." if trail.due_at and trail.due_at > now else "Due now."
            return Step(title, at, where, trail.state.value, WAITS, f"{text} {stands or due}".lstrip())


def _took(microseconds: int | None) -> str:
    return f"took {duration(microseconds)}" if microseconds is not None else ""


def _failures(trace: EventTrace, handler: str) -> list[Step]:
    """Each attempt that failed, as long as the queue remembers it."""
    to = f" of the delivery to {handler}" if handler else ""
    return [
        Step(
            f"Attempt {attempt.number}{to}",
            attempt.at,
            attempt.process or "not known",
            "failed",
            BAD,
            ", ".join(filter(None, [_kind(attempt.error), _took(attempt.duration)])),
        )
        for attempt in trace.attempts.get(handler, ())
    ]


def _attempts(trail: Trail) -> str:
    """What has failed so far."""
    if not trail.attempts:
        return ""
    times = "1 attempt" if trail.attempts == 1 else f"{trail.attempts} attempts"
    kind = _kind(trail.error)
    return f"{times} failed, the last one with {kind}." if kind else f"{times} failed."


def _kind(error: str) -> str:
    """What an error says may quote the event: the name of its kind alone is shown here. Empty: it has none."""
    kind = error.partition(":")[0]
    return kind if kind.replace(".", "_").isidentifier() and len(kind) < LONGEST_KIND else ""


def _rows(trace: EventTrace) -> Step:
    if trace.rows:
        rows = ", ".join(f"{row.table} {row.key}" for row in trace.rows[:10])
        return Step("Tables", trace.stored_at, "the database", "stored", GOOD, rows)
    if trace.core and trace.core.remaining is Remaining.DELIVERY:
        return Step("Tables", None, "", "none", NEUTRAL, "Only event handlers want it.")
    return Step("Tables", None, "", "not yet", NEUTRAL, "It has left no row so far.")


def _session(trace: EventTrace) -> Step:
    title, session = "Session", trace.session
    if session is None:
        return Step(title, None, "", "not open", WAITS, "Its first page view has not come.")
    views = "1 page view" if session.page_views == 1 else f"{session.page_views} page views"
    text = f"Begun by this event, {views} so far." if session.entry_guid == trace.guid else f"{views} so far."
    if session.is_adopted:
        text += " Adopted: its first page view has not come."
    return Step(title, session.entry_at, "the database", "open", GOOD, text)

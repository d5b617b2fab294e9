"""What a queue promises that keeps events one by one: those that could not be finished yet, and those that wait to be
delivered to event handlers."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol, runtime_checkable

from sqlalchemy import Connection

from owa.events import Event, parse_identifier
from owa.queues.contract.event_queue import QueueStatus
from owa.queues.contract.failed import (
    Attempt,
    Capped,
    ErrorGroup,
    Failed,
    FailedFilter,
    FailedKinds,
    FailedState,
    Place,
    Trouble,
)
from owa.queues.contract.items import Claim, Delivery, Failure, Kept, Key, Lease, Remaining, State, Waiting
from owa.queues.contract.looks import Awaited, AwaitedPlace, Trail


@runtime_checkable
class RetryQueue(Protocol):
    """Events that wait, are tried again, or are to be delivered to event handlers. What identifies something in it is
    guid and handler: see `Key`. All its calls work inside the caller's transaction, so that an event and its fate
    change together."""

    def wait(self, connection: Connection, waiting: Iterable[Waiting], now: int) -> None:
        """Keep events that wait for a key."""

    def keep(self, connection: Connection, failures: Iterable[Failure], now: int) -> None:
        """Keep events that failed: to be tried again, or given up."""

    def enqueue(self, connection: Connection, deliveries: Iterable[Delivery], now: int) -> set[Key]:
        """Keep deliveries; they are due at once. Returns the keys of those that are new: the others are in this queue
        already, finished or not, and stay as they are."""

    def wake(self, connection: Connection, keys: Iterable[str], now: int) -> int:
        """Make the events that wait for one of `keys` due now, also those given up waiting; returns how many."""

    def waited_for(self, connection: Connection, limit: int, after: str = "") -> list[str]:
        """Keys that something waits for, in their order: the first `limit` that come after `after`."""

    def overdue(self, connection: Connection, before: int, limit: int) -> list[str]:
        """Keys for which the first event began to wait at or before that moment: those of at most `limit` events, the
        longest awaited first."""

    def awaited(
        self, connection: Connection, limit: int, after: AwaitedPlace | None = None, *, most: int = 1_000
    ) -> list[Awaited]:
        """The first `limit` keys that events wait for, the longest awaited first; `after`: of those behind that place.
        `most`: as far as the events of each are counted."""

    def awaited_among(self, connection: Connection, keys: Iterable[str], *, most: int = 1_000) -> list[Awaited]:
        """The same, of these keys: those that something waits for, in no order."""

    def awaited_by(self, connection: Connection, visitor_id: int, among: int) -> list[str]:
        """Keys that events of a visitor wait for, in their order, as far as they are among the `among` events that have
        waited longest."""

    def count_waiting(self, connection: Connection, most: int) -> int:
        """How many events wait for a key; counted as far as `most`."""

    def trails(self, connection: Connection, guid: int) -> list[Trail]:
        """All that is known of an event: of its part for the core first, then of each event handler, in their order.
        Also what is finished, until it is flushed."""

    def claim_waiting(self, connection: Connection, key: str, limit: int, now: int) -> Claim:
        """At most `limit` events that wait for `key`. They are the caller's until its transaction ends."""

    def give_up_waiting(self, connection: Connection, keys: Iterable[str], error: str, now: int) -> list[Event]:
        """Give up the events that wait for one of `keys`; returns them. If the key comes after all, they are woken."""

    def move_waiting(self, connection: Connection, by: int) -> None:
        """Move the moments at which events began to wait on by so many microseconds: meanwhile nothing could come."""

    def lease(
        self,
        connection: Connection,
        limit: int,
        now: int,
        *,
        until: int,
        owner: str,
        attempted_before: int | None = None,
        handler: str = "",
    ) -> Lease:
        """At most `limit` due events that nobody has leased, the longest due first, for `owner` and until that moment,
        when they are due again. A row whose event cannot be read is given up, with the reason.
        `attempted_before`: also those whose back-off has not ended, if their last attempt was before that moment.
        `handler`: only the deliveries to that one; empty: only what the core has to do."""

    def due_handlers(self, connection: Connection, now: int) -> list[str]:
        """The event handlers that a delivery is due for, in their order."""

    def confirm(self, connection: Connection, lease: Lease) -> None:
        """To be called inside the transaction that settles a lease. Raises `Overtaken` when one of its events is
        somebody else's by now: the transaction must then be rolled back."""

    def owners(self, connection: Connection) -> list[str]:
        """Who has leased events."""

    def release(self, connection: Connection, owner: str, now: int) -> int:
        """End the leases of an owner that is no more: its events are due now. Returns how many."""

    def end_lease(self, connection: Connection, lease: Lease, now: int) -> int:
        """Give back those events of a lease that have met no fate, and that nobody else has leased since: they are due
        now. Returns how many."""

    def done(
        self,
        connection: Connection,
        events: Iterable[Event],
        now: int,
        *,
        handler: str = "",
        duration: int | None = None,
    ) -> None:
        """These are finished: by the event handler of that name, or by the core. `duration`: how long each of them
        took, in microseconds, if that is known."""

    def status(self, connection: Connection) -> QueueStatus:
        """Figures; `details` has `waiting`, `retrying` and `failed`, and for each event handler that something is still
        to be delivered to, how much: `to MODULE:NAME`."""

    def glance(self, connection: Connection, limit: int, sites: Collection[str] | None = None) -> QueueStatus:
        """Figures as those of `status`, at a cost that does not grow with the queue: none is counted further than
        `limit` (the depth is their sum), and `retrying` may be too small then. `sites`: of these only, but for the age
        of the oldest event."""

    def unfinished(self, connection: Connection) -> Counter[tuple[str, str, State]]:
        """How much is in which state, by handler and site. An event counts once for each handler that has not finished
        it."""

    def states(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        """How many unfinished events are in which state, by server and site, and what remains to be done for them. An
        event counts once: deliveries of one are in the state of the worst: failed, else retrying, else queued."""

    def unfinished_among(self, connection: Connection, guids: Iterable[int], remaining: Remaining) -> set[int]:
        """Those of these events for which the core still has `remaining` to do, whatever their state: waiting, being
        tried again, leased or failed."""

    def latest(self, connection: Connection, count: int) -> list[Kept]:
        """The `count` unfinished events that came into this queue last, latest first. Quick, however many there are."""

    def troubles(self, connection: Connection, most: int) -> list[Trouble]:
        """What fails now, and what has been given up: for each of the two that there is, the event that has for the
        longest, or nearly so, and how many there are, counted up to `most` + 1. Quick, however many there are."""

    def failed(
        self,
        connection: Connection,
        wanted: FailedFilter,
        limit: int,
        before: Place | None = None,
        last: Place | None = None,
    ) -> list[Failed]:
        """The first `limit` events that are wanted, the last failed one first. `before`: of those that come after that
        place; `last`: of those up to that place, as `failed_reach` has told it for the same `before`."""

    def failed_reach(self, connection: Connection, wanted: FailedFilter, before: Place | None = None) -> Place | None:
        """How far somebody gets at once who looks for what is wanted, from `before` on: no index leads to whatever a
        filter may say. A place for `last`; None: to the end."""

    def failed_places(
        self,
        connection: Connection,
        wanted: FailedFilter,
        limit: int,
        before: Place | None = None,
        last: Place | None = None,
    ) -> list[Place]:
        """The places of what `failed` returns."""

    def count_failed(self, connection: Connection, wanted: FailedFilter) -> Capped:
        """How many events are wanted, as far as `MOST` and `failed_reach`."""

    def failed_kinds(self, connection: Connection, limit: int, state: FailedState = FailedState.FAILED) -> FailedKinds:
        """What there is among those that were given up, at most `limit` of each kind; or, with `RETRYING`, among those
        that have failed so far and are not finished."""

    def failed_groups(self, connection: Connection, limit: int) -> list[ErrorGroup]:
        """Those that were given up, by error: at most `limit` groups, the one that failed last first."""

    def find_failed(self, connection: Connection, key: Key) -> Failed | None:
        """The event of that key, if it is in one of `FailedState`; else None."""

    def attempts(self, connection: Connection, key: Key) -> list[Attempt]:
        """The failed attempts of that key, the last one first: at most `ATTEMPTS_KEPT`. They go with the event, when
        that is flushed."""

    def retry(
        self, connection: Connection, keys: Iterable[Key], now: int, state: FailedState = FailedState.FAILED
    ) -> list[Failed]:
        """Make failed events due now, with attempts and age counted anew; those that have waited in vain wait again.
        Returns what they were. Keys that are not of failed events are passed over. With `RETRYING`: those that are
        tried again are due now, and nothing else of them changes; what is leased is passed over."""

    def discard(
        self, connection: Connection, keys: Iterable[Key], now: int, state: FailedState = FailedState.FAILED
    ) -> list[Failed]:
        """Done with: these failed events, or those that are tried again, are finished without having been processed.
        Returns and passes over as `retry` does."""

    def restore(self, connection: Connection, keys: Iterable[Key], now: int) -> list[Failed]:
        """Discarded events are failed ones again, also those that were tried again when they were discarded. Returns
        what they were; keys that are not of discarded events are passed over."""

    def flush(self, connection: Connection, before: int, discarded_before: int | None = None) -> int:
        """Delete the rows of events that were finished before that moment; returns how many. `discarded_before`: that
        of those that were discarded; None: they stay."""


def status_of(unfinished: Counter[tuple[str, str, State]], oldest_at: int | None = None) -> QueueStatus:
    """The status of a retry queue, from what its `unfinished` returns, or a part of that."""
    found: Counter[State] = Counter()
    deliveries: Counter[str] = Counter()
    for (handler, _site, state), count in unfinished.items():
        found[state] += count
        if handler and state is not State.FAILED:
            deliveries[f"to {handler}"] += count
    details = {state.value: found[state] for state in (State.WAITING, State.RETRYING, State.FAILED)}
    return QueueStatus(found.total() - found[State.FAILED], oldest_at, details | dict(sorted(deliveries.items())))


def session_key(site_id: str, session_id: int) -> str:
    """The key that events of a session wait for."""
    return f"session:{site_id}:{session_id}"


def session_of_key(key: str) -> tuple[str, int] | None:
    """The site and session of what `session_key` has spelled; None: it is another key."""
    kind, _, rest = key.partition(":")
    site_id, _, number = rest.rpartition(":")
    session_id = parse_identifier(number)
    return (site_id, session_id) if kind == "session" and session_id is not None else None

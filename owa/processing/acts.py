"""What somebody does with failed events, in the caller's transaction: with the count of it in the ledger."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from sqlalchemy import Connection

from owa.db.counts import Outcome, Tally
from owa.queues.contract import Failed, FailedState, Key, RetryQueue


class Act(StrEnum):
    RETRY = "retry"
    DISCARD = "discard"
    RESTORE = "restore"
    """Undo a discard."""
    RETRY_NOW = "retry_now"
    """Not when the back-off ends: now."""
    GIVE_UP = "give_up"
    """Discard what is tried again."""

    @property
    def of(self) -> FailedState:
        """The state of events that it is for."""
        return _OF.get(self, FailedState.FAILED)


_OF = {
    Act.RESTORE: FailedState.DISCARDED,
    Act.RETRY_NOW: FailedState.RETRYING,
    Act.GIVE_UP: FailedState.RETRYING,
}


Do = Callable[[Connection, RetryQueue, Iterable[Key], int], list[Failed]]


def retry(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """See `RetryQueue.retry`."""
    return retries.retry(connection, keys, now)


def retry_now(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """See `RetryQueue.retry`."""
    return retries.retry(connection, keys, now, FailedState.RETRYING)


def discard(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """Be done with failed events; returns what they were. Those that are not failed any more are left alone."""
    return _counted(connection, retries.discard(connection, keys, now), now)


def give_up(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """The same, of events that are tried again. Those that a drain has leased are left alone."""
    return _counted(connection, retries.discard(connection, keys, now, FailedState.RETRYING), now)


def _counted(connection: Connection, discarded: list[Failed], now: int) -> list[Failed]:
    tally = Tally()
    for failed in discarded:
        _count(tally, failed, now, 1)
    tally.store(connection)
    return discarded


def restore(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """Make discarded events failed ones again; returns what they were. Those that are not discarded are left alone."""
    restored = retries.restore(connection, keys, now)
    tally = Tally()
    for failed in restored:
        _count(tally, failed, 0, -1)  # what was noted of the last discard stays
        tally.add(Outcome.RESTORED, server=failed.server, site_id=failed.site_id, at=now)
    tally.store(connection)
    return restored


def _count(tally: Tally, failed: Failed, at: int, times: int) -> None:
    tally.add(
        Outcome.DISCARDED,
        server=failed.server,
        site_id=failed.site_id,
        at=at,
        reason=failed.remaining.value,
        detail=failed.error,
        times=times,
    )


DO: Mapping[Act, Do] = {
    Act.RETRY: retry,
    Act.DISCARD: discard,
    Act.RESTORE: restore,
    Act.RETRY_NOW: retry_now,
    Act.GIVE_UP: give_up,
}

"""Gives up failed events for good, and says so in the ledger."""

from collections.abc import Iterable

from sqlalchemy import Connection

from owa.db.counts import Outcome, Tally
from owa.queues.contract import Failed, Key, RetryQueue


def discard(connection: Connection, retries: RetryQueue, keys: Iterable[Key], now: int) -> list[Failed]:
    """Be done with failed events, inside the caller's transaction; returns what they were. Those that are not failed
    any more are left alone."""
    discarded = retries.discard(connection, keys, now)
    tally = Tally()
    for failed in discarded:
        tally.add(
            Outcome.DISCARDED,
            server=failed.server,
            site_id=failed.site_id,
            at=now,
            reason=failed.remaining.value,
            detail=failed.error,
        )
    tally.store(connection)
    return discarded

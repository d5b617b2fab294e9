"""The ledger: everything that was taken is somewhere. took = refused + queued + waiting + retrying + processed +
duplicate + failed + discarded + quarantined, for each server and site. What is missing is a bug, or somebody's hand.

An event that the core has processed, and that is still to be delivered to event handlers, is where the worst of its
deliveries is: failed, else retrying, else queued. When none is left, it is processed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from owa.db import counts, receipts
from owa.db.counts import Outcome
from owa.db.engine import Database
from owa.db.receipts import DIRECT, Receipt
from owa.files import getting_on
from owa.processing.fates import DAMAGED, DELIVERED
from owa.queues.contract import EventQueue, Pending, Remaining, RetryQueue

Account = tuple[int, str]
"""(server, site_id); the site is empty for all unknown sites."""


COUNTED = (Outcome.PROCESSED, Outcome.FORWARDED, Outcome.DUPLICATE, Outcome.REFUSED, Outcome.DISCARDED)
"""Fates of which only a count remains."""


@dataclass(slots=True)
class Line:
    """The ledger of one server and site."""

    server: int
    site_id: str
    took: int = 0
    refused: int = 0
    queued: int = 0
    waiting: int = 0
    retrying: int = 0
    forwarded: int = 0
    processed: int = 0
    duplicate: int = 0
    failed: int = 0
    discarded: int = 0
    quarantined: int = 0
    missing_rows: int = 0
    """Rows of finished events that are not there."""

    @property
    def accounted(self) -> int:
        return (
            self.refused
            + self.queued
            + self.waiting
            + self.retrying
            + self.forwarded
            + self.processed
            + self.duplicate
            + self.failed
            + self.discarded
            + self.quarantined
        )

    @property
    def drift(self) -> int:
        """0 when all is well; below, so many events are missing."""
        return self.accounted - self.took - self.missing_rows


class Ledger:
    """Draws up the accounts."""

    def __init__(
        self,
        database: Database,
        incoming: EventQueue,
        retries: RetryQueue,
        count_facts: Callable[[Connection], Counter[Account]],
    ) -> None:
        """`count_facts`: how many events are stored, by server and site."""
        self._database = database
        self._incoming = incoming
        self._retries = retries
        self._count_facts = count_facts

    def verify(self, wait: float = 30.0) -> list[Line]:
        """The lines, by server and site, as of one moment: no drain runs meanwhile. Raises `HeldByAnother` when one
        does not end in `wait` seconds, `DatabaseUnavailable`."""
        with self._incoming.drain(wait), getting_on():  # on great tables it takes many minutes
            pending = self._incoming.pending()
            with self._database.reading() as connection:
                return self._lines(connection, pending)

    def _lines(self, connection: Connection, pending: Pending) -> list[Line]:
        lines: dict[Account, Line] = {}

        def line(account: Account) -> Line:
            return lines.setdefault(account, Line(*account))

        for account, number in _took(receipts.seen(connection), pending).items():
            line(account).took += number
        for account, number in pending.events.items():
            line(account).queued += number
        for account, number in pending.refusals.items():
            line(account).refused += number
        for row in counts.stored(connection):
            if row["outcome"] in COUNTED and not _is_of_a_delivery(row):
                found = line((row["server"], row["site_id"]))
                setattr(found, row["outcome"], getattr(found, row["outcome"]) + row["count"])
        expected = _with_rows(connection)
        for (server, site_id, state, remaining), number in self._retries.states(connection).items():
            if remaining is Remaining.FOLLOW_UP:
                continue  # nobody took it
            found = line((server, site_id))
            setattr(found, state.value, getattr(found, state.value) + number)
            if remaining is Remaining.DELIVERY:
                found.processed -= number  # by the core, which has counted it
            if remaining is Remaining.SESSION:
                expected[server, site_id] += number
        stored = self._count_facts(connection)
        for account, found in lines.items():
            found.missing_rows = max(0, expected[account] - stored[account])
        _explain(lines, stored - expected, _damaged(connection))
        return [lines[account] for account in sorted(lines)]


def drift_of(lines: Iterable[Line]) -> int:
    """What is missing altogether, as a number below 0; if nothing is, how much there is too much."""
    drifts = [line.drift for line in lines]
    return min(0, sum(drift for drift in drifts if drift < 0)) or sum(drifts)


def _took(seen: list[Receipt], pending: Pending) -> Counter[Account]:
    """The sum of the writers' last numbers, wherever the greatest of each stands, and of what came without numbers."""
    took: Counter[Account] = Counter()
    last: dict[tuple[str, int, str], Receipt] = {}
    for receipt in (*seen, *pending.receipts):
        if receipt.writer == DIRECT:
            took[receipt.server, receipt.site_id] += receipt.last_sequence
            continue
        counter = (receipt.writer, receipt.server, receipt.site_id)
        known = last.get(counter)
        if known is None or receipt.last_sequence > known.last_sequence:
            last[counter] = receipt
    for receipt in last.values():
        took[receipt.server, receipt.site_id] += receipt.last_sequence
    return took


def _with_rows(connection: Connection) -> Counter[Account]:
    """How many events that are no more in a queue should have left a row."""
    found: Counter[Account] = Counter()
    for row in counts.stored(connection):
        kept = row["outcome"] == Outcome.DISCARDED and row["reason"] == Remaining.SESSION
        if kept or (row["outcome"] == Outcome.PROCESSED and row["reason"] != DELIVERED):
            found[row["server"], row["site_id"]] += row["count"]
    return found


def _is_of_a_delivery(row: RowMapping) -> bool:
    """A delivery that was discarded is no event: that was processed by the core, and stays so."""
    return row["outcome"] == Outcome.DISCARDED and row["reason"] in (Remaining.DELIVERY, Remaining.FOLLOW_UP)


def _damaged(connection: Connection) -> Counter[int]:
    """How many quarantined parts of queue files were records once, by server."""
    found: Counter[int] = Counter()
    for row in counts.stored(connection):
        if row["outcome"] == Outcome.QUARANTINED and row["reason"] == DAMAGED:
            found[row["server"]] += row["count"]
    return found


def _explain(lines: dict[Account, Line], unfinished: Counter[Account], damaged: Counter[int]) -> None:
    """A damaged record may have been one of any site: it explains that one is missing. It explains no missing row, nor
    that an event of the processing queue is missing: that has left a row (`unfinished`)."""
    for account in sorted(lines):
        found = lines[account]
        shortage = found.took - found.accounted - unfinished[account]
        explained = min(damaged[found.server], max(0, shortage))
        found.quarantined += explained
        damaged[found.server] -= explained

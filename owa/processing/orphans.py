"""Sessions whose first page does not come: they are adopted, or their page views given up."""

from sqlalchemy import Connection

from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext
from owa.db.engine import Database
from owa.processing.fates import Fates
from owa.processing.pause import Pause
from owa.processing.report import Report
from owa.processing.settings import ORPHAN_SESSION_AGE, ORPHAN_SESSIONS
from owa.processing.store import Act, HandlerTable
from owa.queues.contract import Remaining, RetryQueue

KEYS = 500
"""Sessions that are dealt with in one transaction."""

VIEWS = 2_000
"""Page views by which a session is adopted; the others find it open."""

ERROR = "Its session's first page has not come. It is taken up again when that comes after all."


class Orphans:
    """Deals with what has waited for too long."""

    def __init__(
        self, database: Database, handlers: HandlerTable, retries: RetryQueue, fates: Fates, pause: Pause
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._retries = retries
        self._fates = fates
        self._pause = pause

    def judge(self, context: ProcessingContext) -> Report | None:
        """Deal with some of what has waited for too long; None when there is nothing. To be called when the incoming
        queue has been drained: only then has it waited in vain. Raises `DatabaseUnavailable`."""
        self.account_for_outage()
        before = context.now - context.settings[ORPHAN_SESSION_AGE] * MICROSECONDS
        with self._database.reading() as connection:
            if not self._retries.overdue(connection, before, 1):
                return None
        with self._database.writing() as connection:
            keys = self._retries.overdue(connection, before, KEYS)
            if context.settings[ORPHAN_SESSIONS] == "adopt":
                return self._adopt(connection, keys, context)
            return self._give_up(connection, keys, context.now)

    def account_for_outage(self, until: int | None = None) -> None:
        """What waited through an outage of this server's drains gets that time on top. `until`: the moment from which
        on something else accounts for it."""
        began = self._pause.since()
        length = self._pause.length() if until is None or began is None else until - began
        if length > 0:
            with self._database.writing() as connection:
                self._retries.move_waiting(connection, length)
        if began is not None:
            self._pause.end()

    def _adopt(self, connection: Connection, keys: list[str], context: ProcessingContext) -> Report:
        report = Report()
        for key in keys:
            claim = self._retries.claim_waiting(connection, key, VIEWS, context.now)
            self._fates.give_up_unreadable(connection, claim.unreadable, context.now)
            items = {item.event.guid: item for item in claim.items}
            stored = self._handlers.store(connection, [item.event for item in claim.items], context, Act.ADOPT)
            report.add(self._fates.decide(connection, stored, context, Remaining.SESSION, items))
        return report

    def _give_up(self, connection: Connection, keys: list[str], now: int) -> Report:
        events = self._retries.give_up_waiting(connection, keys, ERROR, now)
        self._fates.give_up(connection, events, ERROR)
        return Report(failed=len(events), events=len(events))

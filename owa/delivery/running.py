"""Runs a module's handlers, in the child process."""

import time
import traceback
from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from owa.clock import MICROSECONDS, Clock
from owa.contributions import Configuration, EventHandler, HandlerContext, Statement
from owa.db.engine import Database
from owa.db.limits import TooLong
from owa.delivery.blame import is_away
from owa.delivery.protocol import Away, Failed, Finished, Message, Overtaken, Started, Tried, Try, Work, unpacked
from owa.delivery.storing import Handled, Store, checked, plain
from owa.errors import Outage, told
from owa.errors import Overtaken as LeaseIsGone
from owa.queues.contract import Item

SETTLE_EVERY = 0.1
"""Seconds of handlers' work after which what they did is stored, before the next one begins."""


class Runner:
    """Takes batches through the handlers of one module. Handlers run one after the other, and never while a transaction
    is open that writes."""

    def __init__(
        self,
        handlers: Mapping[str, EventHandler],
        store: Store,
        reader: Database,
        clock: Clock,
        memory: int,
        report: Callable[[Message], None],
    ) -> None:
        """`handlers`: by `MODULE:NAME`. `reader`: what they may look things up in. `memory`: the limit, in MB."""
        self.configuration: Configuration | None = None
        self._handlers = handlers
        self._store = store
        self._reader = reader
        self._clock = clock
        self._memory = memory
        self._report = report
        self._handled: list[Handled] = []
        self._is_exhausted = False

    def work(self, work: Work, is_stopped: Callable[[], bool]) -> bool:
        """Deliver a batch, as far as it goes; returns whether this process is fit for another one."""
        self._handled = []
        try:
            self._work(work, is_stopped)
        except LeaseIsGone:
            self._report(Overtaken())
        except Outage as outage:
            self._report(Away(outage.message, outage.remedy))
        ends = self._is_exhausted or is_stopped()
        self._report(Finished(ends))
        return not ends

    def rehearse(self, message: Try) -> None:
        """Deliver one for a look: what it stores is rolled back."""
        (item,) = unpacked([message.item])
        try:
            with self._reader.reading() as connection:
                statements = self._call(item, connection)
            found = self._store.rehearse(statements)
            if found.result:
                raise found.result
        except TooLong as error:
            self._report(Tried(cannot=f"It was left off, since others wait to write: {error}."))
        except BaseException as error:
            self._report(Tried(cannot=_outage(error).message) if is_away(error) else Tried("", *self._told(error)))
        else:
            self._report(Tried(changes=[plain(change) for change in found.changes], has_more=found.has_more))

    def _work(self, work: Work, is_stopped: Callable[[], bool]) -> None:
        until = time.monotonic() + work.seconds
        begun = time.monotonic()
        for item in unpacked(work.items):
            if is_stopped() or self._is_exhausted or time.monotonic() > until:
                break
            # one that has failed may take this process along: what was done before it is done
            if self._handled and (item.attempts or time.monotonic() > begun + SETTLE_EVERY):
                self._settle(work.token)
                begun = time.monotonic()
            try:
                self._run(item)
            except Outage:
                self._settle(work.token)
                raise
        self._settle(work.token)

    def _settle(self, token: str) -> None:
        handled, self._handled = self._handled, []
        self._store.settle(handled, token)

    def _run(self, item: Item) -> None:
        self._report(Started(*item.key))
        since = time.perf_counter()
        with self._reader.reading() as connection:
            try:
                statements = self._call(item, connection)
            except BaseException as error:  # a handler may even call sys.exit
                if is_away(error):
                    raise _outage(error) from error
                problem = self._told(error)
            else:
                self._handled.append(Handled(item, statements, _microseconds(since)))
                return
        self._report(Failed(*item.key, *problem, _microseconds(since)))

    def _call(self, item: Item, connection: Connection) -> tuple[Statement, ...]:
        assert self.configuration is not None
        if item.handler not in self._handlers:
            raise LookupError(f"the module has no event handler {item.handler.partition(':')[2]}")
        now = self.configuration
        context = HandlerContext(now.settings, now.sites, self._clock.now(), connection)
        return checked(self._handlers[item.handler].handle(item.event, context))

    def _told(self, error: BaseException) -> tuple[str, str]:
        """Its line and traceback."""
        if isinstance(error, MemoryError):
            self._is_exhausted = True
            traceback.clear_frames(error.__traceback__)  # which may hold what has filled it
            return f"it needed more than {self._memory} MB (base.handler_memory)", told(error)[1]
        line, trace = told(error)
        return (f"it called sys.exit ({line})" if isinstance(error, SystemExit) else line), trace


def _outage(error: BaseException) -> Outage:
    return error if isinstance(error, Outage) else Outage(f"{told(error)[0]}.")


def _microseconds(since: float) -> int:
    return round((time.perf_counter() - since) * MICROSECONDS)

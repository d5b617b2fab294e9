"""Delivers to the event handlers of one module."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from owa.clock import MICROSECONDS
from owa.contributions import PROCESSING, Configuration, ProcessingContext
from owa.db import pauses
from owa.delivery.conversation import STOP_PATIENCE, Conversation, Problem, Spoiled, Stopped
from owa.delivery.process import ChildProcess
from owa.delivery.protocol import Stop, configure
from owa.delivery.settings import HANDLER_TIMEOUT
from owa.delivery.starting import start_child
from owa.errors import DatabaseUnavailable, Outage, Overtaken
from owa.exchange.settings import SERVER_NUMBER
from owa.node import this_process
from owa.processing import store
from owa.processing.fates import Fates, failure_of
from owa.processing.report import Report
from owa.queues.contract import Item, Key, Lease
from owa.registry import Registry

if TYPE_CHECKING:
    from owa.app import Installation

BATCH = 100
"""Deliveries that are leased at once."""

BATCH_SECONDS = 60.0
"""After which no other one of them is begun."""

LEASE = 180
"""Seconds for which they are leased, and as many as a handler may work on one event: longer than a batch takes, and
the database may keep a writer waiting at its end."""


class Courier:
    """To be used by one thread, from its start to `close`."""

    def __init__(self, module: str, installation: "Installation", is_stopped: Callable[[], bool]) -> None:
        self.module = module
        self.events = 0
        """How many events have met a fate."""
        self.outage: Outage | None = None
        """Why it has left off: something is away."""
        self._installation = installation
        self._is_stopped = is_stopped
        self._lock = Lock()
        self._report = Report()
        self._child: ChildProcess | None = None
        self._made_from: Registry | None = None
        self._told: Configuration | None = None
        self._lease = Lease((), (), "")
        self._left: dict[Key, Item] = {}
        server = installation.configuration.current().settings[SERVER_NUMBER]
        self._fates = Fates(installation.retries, server)

    def deliver(self, handlers: Sequence[str], take: Callable[[int], int], attempted_before: int | None = None) -> None:
        """Deliver what is due to these handlers, as long as `take` (of how many are wanted) allows some.
        `attempted_before`: see `RetryQueue.lease`."""
        self.outage = None
        try:
            while sum([self._deliver_some(handler, take, attempted_before) for handler in handlers]):
                pass
        except Outage as outage:
            self.outage = outage
        except Stopped:
            pass
        except Spoiled as problem:
            self._note(str(problem), problem.trace)

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child:
            with suppress(Exception):
                child.send(Stop())
            child.end(STOP_PATIENCE)

    def take_report(self) -> Report:
        """What became of deliveries since it was taken the last time."""
        with self._lock:
            taken, self._report = self._report, Report()
        return taken

    def handled(self) -> None:
        """See `owa.delivery.conversation.Listener`, as for the next ones."""
        self._installation.isolation.succeeded(self.module)

    def stored(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if self._left.pop(key, None):
                self._count(Report(processed=1, events=1))
                self._installation.isolation.succeeded(self.module)

    def failed(self, key: Key, problem: Problem) -> None:
        if key not in self._left:
            return
        item = self._left[key]
        settings, now = self._installation.configuration.current().settings, self._installation.clock.now()
        context = ProcessingContext(settings, {}, now)
        told = store.Problem(item.event, problem.error, problem.trace)
        failure = failure_of(told, context, item.remaining, item, duration=problem.duration)
        with suppress(Overtaken), self._installation.database.writing() as connection:
            self._installation.retries.confirm(connection, Lease((item,), (), self._lease.token))
            given_up = self._fates.keep(connection, [failure], now)
            self._count(Report(failed=given_up, retrying=1 - given_up, events=1))
        del self._left[key]
        self._note(f"{item.handler}: {problem.error}", problem.trace, item.event.guid)

    def _deliver_some(self, handler: str, take: Callable[[int], int], attempted_before: int | None) -> bool:
        """One batch; False when nothing was due."""
        if self._must_stop():
            return False
        wanted = take(BATCH)
        self._lease = self._lease_some(handler, wanted, attempted_before) if wanted else Lease((), (), "")
        self._left = {item.key: item for item in self._lease.items}
        take(len(self._left) - wanted)
        if not self._left:
            return False
        until = time.monotonic() + BATCH_SECONDS
        try:
            while self._left and not self._must_stop() and (seconds := until - time.monotonic()) > 0:
                before = len(self._left)
                if self._hold(seconds) and len(self._left) == before:
                    break  # it was overtaken
        finally:
            self._give_back()
        return True

    def _lease_some(self, handler: str, limit: int, attempted_before: int | None) -> Lease:
        opened = self._installation
        now = opened.clock.now()
        timeout = opened.configuration.current().settings[HANDLER_TIMEOUT]
        with opened.database.writing() as connection:
            if pauses.find(connection, pauses.QUEUE, PROCESSING):
                return Lease((), (), "")
            lease = opened.retries.lease(
                connection,
                limit,
                now,
                until=now + (LEASE + timeout) * MICROSECONDS,
                owner=this_process(),
                attempted_before=attempted_before,
                handler=handler,
            )
            self._fates.give_up_unreadable(connection, lease.unreadable, now)
        self._count(Report(failed=len(lease.unreadable), events=len(lease.unreadable)))
        return lease

    def _hold(self, seconds: float) -> bool:
        """Have the child deliver what is left; returns whether it is fit for more."""
        child = self._fit_child()
        timeout = self._installation.configuration.current().settings[HANDLER_TIMEOUT]
        fit = False
        try:
            conversation = Conversation(child, timeout, self, self._must_stop)
            fit = conversation.hold(self._lease.token, self._left, seconds)
        finally:
            if not fit:
                self._child = None
                child.kill()
        if conversation.outage:
            raise conversation.outage
        return fit

    def _fit_child(self) -> ChildProcess:
        """One that has the present code and the present configuration."""
        configuration = self._installation.configuration
        if self._child and (self._made_from is not configuration.registry or not self._child.is_alive()):
            self.close()
        now = configuration.current()
        if self._child is None:
            self._made_from = configuration.registry
            context = self._installation.contexts.queue(PROCESSING)
            self._child = start_child(self.module, configuration, context, self._must_stop)
        elif self._told is not now:
            self._child.send(configure(now))
        self._told = now
        return self._child

    def _give_back(self) -> None:
        """What has met no fate is due now."""
        if self._left:
            lease = Lease(tuple(self._left.values()), (), self._lease.token)
            with suppress(DatabaseUnavailable), self._installation.database.writing() as connection:
                self._installation.retries.end_lease(connection, lease, self._installation.clock.now())
            self._left = {}

    def _must_stop(self) -> bool:
        loaded = self._installation.registry.modules.get(self.module)
        return self._is_stopped() or loaded is None or not loaded.works

    def _count(self, report: Report) -> None:
        with self._lock:
            self._report.add(report)
            self.events += report.events

    def _note(self, error: str, trace: str, event: int | None = None) -> None:
        """Hold it against the module, which may switch that off."""
        isolation = self._installation.isolation
        isolation.failed(self.module, error, trace, event)
        if isolation.trips(self.module) and isolation.tell():
            self._installation.configuration.signal_change()

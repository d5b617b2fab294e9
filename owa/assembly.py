"""What the modules that are on amount to in this process: queues and handlers. Follows each change of the
configuration, under the hands of those who use them."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from owa.analytics.handlers import fact_handlers
from owa.clock import Clock
from owa.configuration import ConfigurationKeeper
from owa.contributions import INCOMING, PROCESSING, QueueContext, QueueType, RetryQueueType
from owa.db.modules import Switch
from owa.errors import ModuleError, OwaError, told
from owa.masking import masked_text
from owa.processing.store import HandlerTable, Subscribers
from owa.queues.contract import EventQueue, RetryQueue
from owa.queues.switched import SwitchedQueue
from owa.reopening import Reopening

logger = logging.getLogger(__name__)

Opened = dict[tuple[Any, ...], EventQueue]
"""Queues by all that they were made from."""

Problems = dict[str, BaseException]
"""What kept modules from opening their queues, by module."""


class Assembly:
    """The queues and handlers of a process. To be closed at its end."""

    def __init__(
        self, configuration: ConfigurationKeeper, context: Callable[[str], QueueContext], clock: Clock
    ) -> None:
        """`context`: what the queue of a name is opened with, now. Raises `ModuleError` or `QueueUnavailable`."""
        self._configuration = configuration
        self._context = context
        self._reopening = Reopening(clock)
        self._left: list[EventQueue] = []
        self.incoming = SwitchedQueue(*self._open({}))
        self.handlers = HandlerTable(fact_handlers(configuration.registry), self._subscribers())
        # kept by the process: its rows are those of the database, whoever else is on
        self._retry_problems: Problems = {}
        self.retries = self._open_retries()

    def apply(self) -> None:
        """Take over what has changed. Raises `ModuleError` or `QueueUnavailable`: then all is as it was."""
        opened = self._opened
        self.incoming.use(*self._open(opened))
        self._tell(self._retry_problems)
        self.handlers.use(fact_handlers(self._configuration.registry), self._subscribers())
        # A request may be about to put into a queue that has just been left: that one is closed a change later.
        self._close(self._left)
        self._left = [queue for key, queue in opened.items() if key not in self._opened]

    def try_again(self) -> None:
        """Open again, in the background, what could not be opened; when that has worked, the module works. To be called
        every second."""
        modules = self._configuration.registry.modules
        for module in self._reopening.modules():
            if module not in modules or not modules[module].is_wanted:
                self._reopening.forget(module)
        if self._reopening.run():
            self._configuration.reload()

    def held(self) -> dict[str, int | None]:
        """How many events the queues of modules hold, by module; None: it cannot say."""
        return {str(key[0]): _depth(queue) for key, queue in self._opened.items()}

    def close(self) -> None:
        """Let go of the queues."""
        self._close(self._left)
        self._close(self._opened.values())

    def _open(self, opened: Opened) -> tuple[EventQueue, list[EventQueue], list[EventQueue]]:
        """The queue for new events, those that may still hold some, and those whose events are to be moved. What is
        open already is used again. A module whose queue cannot be opened is broken, and the next one serves; when there
        is none, its error is raised."""
        registry = self._configuration.registry
        now: Opened = {}
        problems: Problems = {}
        for module, kind in registry.sinks(INCOMING):
            self._add(now, opened, module, kind, problems)
        if problems and not now:
            raise _as_ours(*next(iter(problems.items())))
        for module, kind in registry.draining(INCOMING):
            self._add(now, opened, module, kind, problems)
        self._tell(problems)
        self._opened = now
        leaving = [key for key in now if registry.modules[key[0]].switch is Switch.HANDING_OVER]
        sink, *former = [queue for key, queue in now.items() if key not in leaving]
        return sink, former, [now[key] for key in leaving]

    def _subscribers(self) -> Subscribers:
        current = self._configuration.current()
        return self._configuration.registry.subscribers(current.settings, current.subscriptions)

    def _open_retries(self) -> RetryQueue:
        """That of the first module that can open it. Raises what the first one raised when none can."""
        for module, kind in self._configuration.registry.retry_sinks(PROCESSING):
            queue = _opened(module, partial(self._start, kind, PROCESSING), self._retry_problems)
            if queue is not None:
                self._tell(self._retry_problems)
                return queue  # type: ignore[no-any-return]
        raise _as_ours(*next(iter(self._retry_problems.items())))

    def _tell(self, problems: Problems) -> None:
        """Break the modules that cannot open their queues, and say so, once."""
        for module, error in problems.items():
            loaded = self._configuration.registry.modules.get(module)
            if loaded and loaded.works | loaded.is_draining:
                problem = str(_as_ours(module, error))
                logger.error("%s", masked_text(problem))
                loaded.break_(problem, told(error)[1], keeps=("owa_settings",))  # which may be what is wrong

    def _add(self, now: Opened, opened: Opened, module: str, kind: QueueType, problems: Problems) -> None:
        key = self._key(module, kind)
        open_: Callable[[], EventQueue] = partial(self._start, kind, INCOMING)
        queue = opened.get(key) or self._reopening.take(module, key) or _opened(module, open_, problems)
        if queue is not None:
            now[key] = queue
            self._reopening.forget(module)
        else:
            self._reopening.failed(module, key, open_)

    def _start(self, kind: QueueType | RetryQueueType, queue: str) -> Any:
        return kind.open(self._context(queue))

    def _key(self, module: str, kind: QueueType) -> tuple[Any, ...]:
        return module, kind.name, *sorted(self._configuration.current().settings.values.items(), key=str)

    def _close(self, queues: Iterable[EventQueue]) -> None:
        for queue in queues:
            try:
                queue.close()
            except Exception:
                logger.exception("A queue could not be closed")


def _opened(module: str, open_: Callable[[], object], problems: Problems) -> Any:
    """The queue; None: why there is none is among the problems now."""
    try:
        queue = open_()
        if not isinstance(queue, EventQueue | RetryQueue):
            raise TypeError(f"a {type(queue).__name__} is no queue")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a factory may even call sys.exit
        problems[module] = error
        return None
    return queue


def _depth(queue: EventQueue) -> int | None:
    try:
        return queue.status().depth
    except Exception as error:
        logger.debug("A queue cannot say what it holds: %s", error)
        return None


def _as_ours(module: str, error: BaseException) -> OwaError:
    return error if isinstance(error, OwaError) else ModuleError(f"{module} cannot open its queue: {told(error)[0]}.")

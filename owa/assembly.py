"""What the modules that are on amount to in this process: queues and handlers. Follows each change of the
configuration, under the hands of those who use them."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from owa.configuration import ConfigurationKeeper
from owa.contributions import INCOMING, PROCESSING, QueueContext, QueueType
from owa.db.modules import Switch
from owa.errors import ModuleError, OwaError, told
from owa.processing.store import HandlerTable
from owa.queues.contract import EventQueue, RetryQueue
from owa.queues.switched import SwitchedQueue

logger = logging.getLogger(__name__)

Opened = dict[tuple[Any, ...], EventQueue]
"""Queues by all that they were made from."""


class Assembly:
    """The queues and handlers of a process. To be closed at its end."""

    def __init__(self, configuration: ConfigurationKeeper, context: Callable[[str], QueueContext]) -> None:
        """`context`: what the queue of a name is opened with, now. Raises `ModuleError` or `QueueUnavailable`."""
        self._configuration = configuration
        self._context = context
        self._left: list[EventQueue] = []
        self.incoming = SwitchedQueue(*self._open({}))
        self.handlers = HandlerTable(configuration.registry.fact_handlers, configuration.registry.subscribers)
        # kept by the process: its rows are those of the database, whoever else is on
        self.retries: RetryQueue = configuration.registry.retry_queue_type(PROCESSING).open(context(PROCESSING))

    def apply(self) -> None:
        """Take over what has changed. Raises `ModuleError` or `QueueUnavailable`: then all is as it was."""
        opened = self._opened
        self.incoming.use(*self._open(opened))
        registry = self._configuration.registry
        self.handlers.use(registry.fact_handlers, registry.subscribers)
        # A request may be about to put into a queue that has just been left: that one is closed a change later.
        self._close(self._left)
        self._left = [queue for key, queue in opened.items() if key not in self._opened]

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
        problems: dict[str, BaseException] = {}
        for module, kind in registry.sinks(INCOMING):
            self._add(now, opened, module, kind, problems)
        if problems and not now:
            raise _as_ours(*next(iter(problems.items())))
        for module, kind in registry.draining(INCOMING):
            self._add(now, opened, module, kind, problems)
        for module, error in problems.items():
            problem = str(_as_ours(module, error))
            logger.error("%s", problem)
            registry.modules[module].break_(problem, told(error)[1])
        self._opened = now
        leaving = [key for key in now if registry.modules[key[0]].switch is Switch.HANDING_OVER]
        sink, *former = [queue for key, queue in now.items() if key not in leaving]
        return sink, former, [now[key] for key in leaving]

    def _add(
        self, now: Opened, opened: Opened, module: str, kind: QueueType, problems: dict[str, BaseException]
    ) -> None:
        key = self._key(module, kind)
        try:
            now[key] = opened[key] if key in opened else _checked(kind.open(self._context(INCOMING)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a factory may even call sys.exit
            problems[module] = error

    def _key(self, module: str, kind: QueueType) -> tuple[Any, ...]:
        return module, kind.name, *sorted(self._configuration.current().settings.values.items(), key=str)

    def _close(self, queues: Iterable[EventQueue]) -> None:
        for queue in queues:
            try:
                queue.close()
            except Exception:
                logger.exception("A queue could not be closed")


def _checked(queue: EventQueue) -> EventQueue:
    if not isinstance(queue, EventQueue):
        raise TypeError(f"a {type(queue).__name__} is no queue")
    return queue


def _depth(queue: EventQueue) -> int | None:
    try:
        return queue.status().depth
    except Exception as error:
        logger.debug("A queue cannot say what it holds: %s", error)
        return None


def _as_ours(module: str, error: BaseException) -> OwaError:
    return error if isinstance(error, OwaError) else ModuleError(f"{module} cannot open its queue: {told(error)[0]}.")

"""What the modules that are on amount to in this process: queues and handlers. Follows each change of the
configuration, under the hands of those who use them."""

from collections.abc import Callable, Sequence
from typing import Any

from owa.configuration import ConfigurationKeeper
from owa.contributions import INCOMING, PROCESSING, QueueContext, QueueType
from owa.processing.store import HandlerTable
from owa.queues.contract import EventQueue, RetryQueue
from owa.queues.switched import SwitchedQueue

Opened = dict[tuple[Any, ...], EventQueue]
"""Queues by all that they were made from."""


class Assembly:
    """The queues and handlers of a process. To be closed at its end."""

    def __init__(self, configuration: ConfigurationKeeper, context: Callable[[str], QueueContext]) -> None:
        """`context`: what the queue of a name is opened with, now. Raises `ModuleError` or `QueueUnavailable`."""
        self._configuration = configuration
        self._context = context
        self._left: list[EventQueue] = []
        sink, *former = self._open({})
        self.incoming = SwitchedQueue(sink, former)
        self.handlers = HandlerTable(configuration.registry.handlers)
        # kept by the process: its rows are those of the database, whoever else is on
        self.retries: RetryQueue = configuration.registry.retry_queue_type(PROCESSING).open(context(PROCESSING))

    def apply(self) -> None:
        """Take over what has changed. Raises `ModuleError` or `QueueUnavailable`: then all is as it was."""
        opened = self._opened
        sink, *former = self._open(opened)
        self.incoming.use(sink, former)
        self.handlers.use(self._configuration.registry.handlers)
        # A request may be about to put into a queue that has just been left: that one is closed a change later.
        self._close(self._left)
        self._left = [queue for key, queue in opened.items() if key not in self._opened]

    def close(self) -> None:
        """Let go of the queues."""
        self._close(self._left)
        self.incoming.close()

    def _open(self, opened: Opened) -> Sequence[EventQueue]:
        """The queue for new events, and those that may still hold some. What is open already is used again."""
        registry = self._configuration.registry
        wanted = [(registry.owner(INCOMING), registry.queue_type(INCOMING)), *registry.draining(INCOMING)]
        self._opened = {}
        for module, kind in wanted:
            key = self._key(module, kind)
            self._opened[key] = opened.get(key) or kind.open(self._context(INCOMING))
        return list(self._opened.values())

    def _key(self, module: str, kind: QueueType) -> tuple[Any, ...]:
        return module, kind.name, *sorted(self._configuration.current().settings.values.items(), key=str)

    def _close(self, queues: Sequence[EventQueue]) -> None:
        for queue in queues:
            queue.close()

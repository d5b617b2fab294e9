"""The hooks: what a module may implement. Each returns a list of frozen contributions (`owa.contributions`)."""

from typing import Any

import pluggy

from owa.contributions import EventHandler, QueueBinding, QueueType, RetryQueueType
from owa.settings import Setting

PROJECT = "owa"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Specifications. A module implements any of them as a function of the same name."""

    @hookspec
    def owa_settings(self) -> list[Setting[Any]]:  # type: ignore[empty-body]
        """Settings of the module. They appear in its form and are checked at start."""

    @hookspec
    def owa_queue_types(self) -> list[QueueType]:  # type: ignore[empty-body]
        """Kinds of event queues that a binding may name."""

    @hookspec
    def owa_retry_queue_types(self) -> list[RetryQueueType]:  # type: ignore[empty-body]
        """Kinds of queues for events that wait or are tried again."""

    @hookspec
    def owa_queue_bindings(self) -> list[QueueBinding]:  # type: ignore[empty-body]
        """Which type serves which queue."""

    @hookspec
    def owa_event_handlers(self) -> list[EventHandler]:  # type: ignore[empty-body]
        """Handlers of event types."""

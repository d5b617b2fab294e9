"""Loads modules and gathers what they contribute. Modules are named as strings; nobody imports one."""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy

from owa.contributions import EventHandler, QueueBinding, QueueType, RetryQueueType
from owa.errors import ModuleError
from owa.hookspecs import PROJECT, Hooks
from owa.settings import Setting, did_you_mean

Named = TypeVar("Named", QueueType, RetryQueueType)

BUILT_IN = ("owa.analytics.hooks", "owa.modules.file_queue", "owa.modules.database_queue")


@dataclass(frozen=True)
class Registry:
    """All contributions of the loaded modules."""

    settings: tuple[Setting[Any], ...]
    handlers: tuple[EventHandler, ...]
    _queue_types: dict[str, QueueType]
    _retry_queue_types: dict[str, RetryQueueType]
    _bindings: tuple[QueueBinding, ...]

    def queue_type(self, queue: str) -> QueueType:
        """The type that serves `queue`. Raises `ModuleError`."""
        return _named(self._queue_types, self._bound_type(queue), queue)

    def retry_queue_type(self, queue: str) -> RetryQueueType:
        """The type that serves the retry queue `queue`. Raises `ModuleError`."""
        return _named(self._retry_queue_types, self._bound_type(queue), queue)

    def _bound_type(self, queue: str) -> str:
        bindings = [binding for binding in self._bindings if binding.queue == queue]
        overrides = [binding.type for binding in bindings if binding.override]
        defaults = [binding.type for binding in bindings if not binding.override]
        candidates = overrides or defaults
        if not candidates:
            raise ModuleError(f"No module serves the queue {queue}.", "Switch on one that does.")
        if len(candidates) > 1:
            raise ModuleError(
                f"The queue {queue} is claimed by several types: {', '.join(sorted(candidates))}.",
                "Switch off all but one of their modules.",
            )
        return candidates[0]


def load(names: Iterable[str] = BUILT_IN) -> Registry:
    """Import the modules and call their hooks. Raises `ModuleError` naming the culprit."""
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(Hooks)
    for name in names:
        try:
            plugins.register(importlib.import_module(name), name)
        except (ImportError, ValueError, pluggy.PluginValidationError) as error:
            raise ModuleError(f"The module {name} cannot be loaded: {error}.") from error
    hook = plugins.hook
    return Registry(
        settings=tuple(_flat(hook.owa_settings())),
        handlers=tuple(_flat(hook.owa_event_handlers())),
        _queue_types=_by_name("queue type", _flat(hook.owa_queue_types())),
        _retry_queue_types=_by_name("retry queue type", _flat(hook.owa_retry_queue_types())),
        _bindings=tuple(_flat(hook.owa_queue_bindings())),
    )


def _flat(results: list[list[Any]]) -> list[Any]:
    """pluggy calls the last registered first; we keep the order of loading."""
    return [item for result in reversed(results) for item in result]


def _by_name(kind: str, items: list[Named]) -> dict[str, Named]:
    named: dict[str, Named] = {}
    for item in items:
        if item.name in named:
            raise ModuleError(f"Two modules contribute a {kind} named {item.name}.")
        named[item.name] = item
    return named


def _named(types: dict[str, Named], name: str, queue: str) -> Named:
    if name not in types:
        hint = did_you_mean(name, types)
        raise ModuleError(f"The queue {queue} wants the queue type {name}, which no module has{hint}")
    return types[name]

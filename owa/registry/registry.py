"""What the modules that are on contribute, as one process sees it at one moment."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from owa.contributions import (
    INCOMING,
    PROCESSING,
    EventFilter,
    EventHandler,
    FactFamily,
    FactHandler,
    Locator,
    PreprocessingStep,
    QueueBinding,
    QueueType,
    RetryQueueType,
)
from owa.db.modules import Subscriptions, Switch
from owa.errors import ModuleError
from owa.hookspecs import CONTRIBUTIONS, FOR_ADMIN
from owa.registry import conflicts
from owa.registry.discovery import BUILT_IN, CORE, Found, discover
from owa.registry.loading import Loaded, load_module, missing_module
from owa.settings import Setting, Settings, did_you_mean

if TYPE_CHECKING:
    from owa.admin_contributions import AdminPage, Command, HealthCheck, ModuleTest, ScheduledJob

Named = TypeVar("Named", QueueType, RetryQueueType)


@dataclass(frozen=True)
class Registry:
    """All contributions of the modules that work, in the order of their names, the core's first."""

    modules: Mapping[str, Loaded]
    """All that there are, also those that are off or broken. By name; `core` is one of them."""

    @property
    def settings(self) -> tuple[Setting[Any], ...]:
        """Also those of modules that are off and being emptied, or whose queue cannot be opened: they need them."""
        return tuple(one for loaded in self.modules.values() for one in loaded.contributed.get("owa_settings", ()))

    @property
    def absent(self) -> list[str]:
        """Modules whose settings are not known, since they are off or broken."""
        return [
            loaded.name
            for loaded in self.modules.values()
            if not loaded.works and not loaded.contributed.get("owa_settings")
        ]

    @property
    def fact_handlers(self) -> tuple[FactHandler, ...]:
        return tuple(self._of("owa_fact_handlers"))

    @property
    def fact_families(self) -> tuple[FactFamily, ...]:
        return tuple(self._of("owa_fact_families"))

    @property
    def event_handlers(self) -> tuple[tuple[str, EventHandler], ...]:
        """Those that may be given events now, each with what its deliveries are kept under: `MODULE:NAME`."""
        return tuple((f"{module}:{item.name}", item) for module, item in self._with_names("owa_event_handlers"))

    def gives_to(self, handler: str) -> bool:
        """Whether an event handler, `MODULE:NAME`, may be given events now."""
        return any(key == handler for key, _ in self.event_handlers)

    def subscriptions(self, settings: Settings) -> dict[str, Subscriptions]:
        """What event handlers want, by module: of those that work, and of those that the circuit breaker has switched
        off, for which is kept what comes meanwhile."""
        return {
            loaded.name: subscriptions_of(loaded, settings)
            for loaded in self.modules.values()
            if loaded.works or loaded.switch is Switch.TRIPPED
        }

    def subscribers(
        self, settings: Settings, remembered: Mapping[str, Subscriptions] | None = None
    ) -> Mapping[str, tuple[str, ...]]:
        """By event type, the event handlers that want to be given it, as `MODULE:NAME`. `remembered`: what was wanted
        by modules that are on, and cannot be loaded here: what comes meanwhile is kept for them too."""
        found: dict[str, tuple[str, ...]] = {}
        for loaded in self.modules.values():
            if loaded.error and loaded.switch in (Switch.ON, Switch.TRIPPED):
                wanted = (remembered or {}).get(loaded.name, {})
            elif loaded.works or loaded.switch is Switch.TRIPPED:
                wanted = subscriptions_of(loaded, settings)
            else:
                continue
            for event_type, handlers in wanted.items():
                found[event_type] = (*found.get(event_type, ()), *handlers)
        return found

    @cached_property
    def steps(self) -> tuple[tuple[str, PreprocessingStep], ...]:
        """Each with its module's name."""
        return tuple(self._with_names("owa_preprocessing_steps"))

    @cached_property
    def filters(self) -> tuple[tuple[str, EventFilter], ...]:
        """Each with its module's name."""
        return tuple(self._with_names("owa_event_filters"))

    @property
    def locators(self) -> tuple[tuple[str, Locator], ...]:
        """Each with its module's name."""
        return tuple(self._with_names("owa_locators"))

    @property
    def jobs(self) -> "tuple[tuple[str, ScheduledJob], ...]":
        """Each with its module's name, as the next ones. What a module does for its queue goes on while that drains."""
        return tuple(self._with_names("owa_jobs", draining=True))

    @property
    def commands(self) -> "tuple[tuple[str, Command], ...]":
        return tuple(self._with_names("owa_commands", draining=True))

    @property
    def pages(self) -> "tuple[tuple[str, AdminPage], ...]":
        return tuple(self._with_names("owa_admin_pages", draining=True))

    @property
    def checks(self) -> "tuple[tuple[str, HealthCheck], ...]":
        return tuple(self._with_names("owa_health_checks", draining=True))

    def tests(self, module: str) -> "list[ModuleTest]":
        """Of one module."""
        return [item for name, item in self._with_names("owa_tests") if name == module]

    def queue_type(self, queue: str) -> QueueType:
        """The type that serves `queue`. Raises `ModuleError`."""
        return _named(self.queue_types(), self.binding(queue).type, queue)

    def sinks(self, queue: str) -> list[tuple[str, QueueType]]:
        """The types that can serve `queue`, each with the name of the module that wants it: the first one does, the
        others may hold events from when they did. Raises `ModuleError` when there is none."""
        return [(name, _named(self.queue_types(), binding.type, queue)) for name, binding in self._bindings(queue)]

    def draining(self, queue: str) -> list[tuple[str, QueueType]]:
        """The types of modules that are off, but whose part of `queue` is still to be emptied; with their names."""
        found = []
        for loaded in self.modules.values():
            if loaded.is_draining:
                types = {item.name: item for item in loaded.contributed.get("owa_queue_types", ())}
                bound = [item.type for item in loaded.contributed.get("owa_queue_bindings", ()) if item.queue == queue]
                found += [(loaded.name, types[name]) for name in bound if name in types]
        return found

    def queue_types(self) -> dict[str, QueueType]:
        """All kinds of event queues, by name."""
        return {item.name: item for item in self._of("owa_queue_types")}

    def retry_queue_type(self, queue: str) -> RetryQueueType:
        """The type that serves the retry queue `queue`. Raises `ModuleError`."""
        return self.retry_sinks(queue)[0][1]

    def retry_sinks(self, queue: str) -> list[tuple[str, RetryQueueType]]:
        """The types that can serve the retry queue `queue`, as `sinks`. Raises `ModuleError`."""
        types: dict[str, RetryQueueType] = {item.name: item for item in self._of("owa_retry_queue_types")}
        return [(name, _named(types, binding.type, queue)) for name, binding in self._bindings(queue)]

    def owner(self, queue: str) -> str:
        """The name of the module whose binding serves `queue`. Raises `ModuleError`."""
        return self._bindings(queue)[0][0]

    def can_spare(self, name: str, chosen: Mapping[str, Switch]) -> bool:
        """Whether each queue is served without that module, and without those that require it. `chosen`: what was
        chosen by now, which may be more than what this registry was made from."""
        left = {
            loaded.name: loaded
            for loaded in self.modules.values()
            if loaded.works and loaded.name != name and chosen.get(loaded.name, Switch.ON) is Switch.ON
        }
        while lost := [loaded.name for loaded in left.values() if not left.keys() >= set(loaded.requires)]:
            left = {name: loaded for name, loaded in left.items() if name not in lost}
        served = {item.queue for loaded in left.values() for item in loaded.contributed.get("owa_queue_bindings", ())}
        return served >= {INCOMING, PROCESSING}

    def binding(self, queue: str) -> QueueBinding:
        """The binding that counts. Raises `ModuleError`."""
        return self._bindings(queue)[0][1]

    def _bindings(self, queue: str) -> list[tuple[str, QueueBinding]]:
        found = [item for item in self._with_names("owa_queue_bindings") if item[1].queue == queue]
        if not found:
            raise ModuleError(f"No module serves the queue {queue}.", "Switch on one that does.")
        return sorted(found, key=lambda item: (not item[1].override, not self.modules[item[0]].found.is_built_in))

    def _of(self, hook: str) -> Iterator[Any]:
        for _name, item in self._with_names(hook):
            yield item

    def _with_names(self, hook: str, *, draining: bool = False) -> Iterator[tuple[str, Any]]:
        for loaded in self.modules.values():
            if loaded.is_ready or (draining and loaded.is_draining):
                for item in loaded.contributed.get(hook, ()):
                    yield loaded.name, item


def load(
    switches: Mapping[str, Switch] | None = None,
    found: Mapping[str, Iterable[Found]] | None = None,
    *,
    for_admin: bool = True,
) -> Registry:
    """Load what is on. What a module raises, or what contradicts another one, is its error, and nobody else's.

    `switches`: what somebody chose; the others are on or off as they say themselves. `found`: by default what is
    built in and what is installed. `for_admin`: False: what they contribute for the admin is left out, unless a third
    party's module is on: a contradiction in it would break that. Of two modules of one name that which is built in
    counts, else neither.
    """
    found = discover() if found is None else found
    chosen = (switches or {}).items()
    modules = {
        name: missing_module(name, switch) for name, switch in chosen if name not in found and switch is not Switch.OFF
    }
    others_chosen = any(name not in BUILT_IN for name, _switch in chosen)
    hooks = [hook for hook in CONTRIBUTIONS if for_admin or others_chosen or hook not in FOR_ADMIN]
    for name, candidates in found.items():
        first, *others = candidates
        switch = Switch.ON if name == CORE else (switches or {}).get(name)
        if not others or first.is_built_in:
            modules[name] = load_module(first, switch, hooks)
        if others:
            paths = ", ".join(candidate.path for candidate in (first, *others))
            error = f"There are several modules named {name}: {paths}. Uninstall all but one."
            rival = f"{name} ({others[0].path})" if first.is_built_in else name
            modules[rival] = Loaded(replace(others[0], name=rival), is_on=False, switch=switch, error=error)
    modules = {name: modules[name] for name in sorted(modules, key=lambda name: (name != CORE, name))}
    conflicts.check(modules)
    return Registry(modules)


def subscriptions_of(loaded: Loaded, settings: Settings) -> Subscriptions:
    """What the event handlers of a module want."""
    found: dict[str, tuple[str, ...]] = {}
    for handler in loaded.contributed.get("owa_event_handlers", ()):
        for event_type in sorted(_event_types(handler, settings)):
            found[event_type] = (*found.get(event_type, ()), f"{loaded.name}:{handler.name}")
    return found


def _event_types(handler: EventHandler, settings: Settings) -> Collection[str]:
    """Plain texts, of whatever enumeration they are."""
    if not isinstance(handler.event_types, Setting):
        return frozenset(map(str, handler.event_types))
    named = settings[handler.event_types]
    return frozenset(named)


def _named(types: dict[str, Named], name: str, queue: str) -> Named:
    if name not in types:
        hint = did_you_mean(name, types)
        raise ModuleError(f"The queue {queue} wants the queue type {name}, which no module has{hint}")
    return types[name]

"""What modules do to an event in the visitor's request: filters may refuse it, steps may change it."""

from collections.abc import Callable
from dataclasses import replace

from owa.errors import storable
from owa.events import Event, RefusalReason, dumps
from owa.isolation import Isolation
from owa.registry import Registry
from owa.settings import Settings
from owa.tracking.parameters import Refused


class Refinement:
    """The filters and steps of the modules that are on."""

    def __init__(
        self, registry: Callable[[], Registry], settings: Callable[[], Settings], isolation: Isolation
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._isolation = isolation

    def refined(self, event: Event) -> Event:
        """The event to be kept. Raises `Refused`. A filter or step that raises is passed over: the event is kept."""
        registry = self._registry()
        if not (registry.filters or registry.steps):
            return event
        for module, item in registry.filters:
            what, settings = f"filter {item.name}", self._settings()
            reason = self._isolation.call(module, what, _text, item.refuse, event, settings, default="")
            if reason:
                raise Refused(RefusalReason.FILTERED, f"{module}: {reason}"[:200])
        for module, step in registry.steps:
            what, settings = f"step {step.name}", self._settings()
            event = self._isolation.call(module, what, _changed, step.run, event, settings, default=event)
        return event


def _text(refuse: Callable[[Event, Settings], str], event: Event, settings: Settings) -> str:
    reason = refuse(_copied(event), settings)
    if not isinstance(reason, str):
        raise TypeError(f"A filter returns a reason or an empty text, not {type(reason).__name__}.")
    return storable(reason)


def _changed(run: Callable[[Event, Settings], Event], event: Event, settings: Settings) -> Event:
    """With other properties. What identifies the event stays: the ledger counts by it."""
    changed = run(_copied(event), settings)
    if not isinstance(changed, Event):
        raise TypeError(f"A step returns the event, not {type(changed).__name__}.")
    kept = replace(event, properties=dict(changed.properties))
    dumps(kept)  # raises where no queue could keep it
    return kept


def _copied(event: Event) -> Event:
    """Whatever is done to it, the event stays as it is."""
    return replace(event, properties=dict(event.properties))

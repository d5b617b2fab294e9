"""What modules do to an event in the visitor's request: filters may refuse it, steps may change it."""

from collections.abc import Callable
from dataclasses import replace

from owa.errors import storable
from owa.events import Event, RefusalReason, dumps
from owa.isolation import Isolation
from owa.registry import Registry
from owa.tracking.parameters import Refused


class Refinement:
    """The filters and steps of the modules that are on."""

    def __init__(self, registry: Callable[[], Registry], isolation: Isolation) -> None:
        self._registry = registry
        self._isolation = isolation

    def __call__(self, event: Event) -> Event:
        """The event to be kept. Raises `Refused`. A filter or step that raises is passed over: the event is kept."""
        registry = self._registry()
        for module, item in registry.filters:
            reason = self._isolation.call(module, f"filter {item.name}", _text, item.refuse, event, default="")
            if reason:
                raise Refused(RefusalReason.FILTERED, f"{module}: {reason}"[:200])
        for module, step in registry.steps:
            event = self._isolation.call(module, f"step {step.name}", _changed, step.run, event, default=event)
        return event


def _text(refuse: Callable[[Event], str], event: Event) -> str:
    reason = refuse(_copied(event))
    if not isinstance(reason, str):
        raise TypeError(f"A filter returns a reason or an empty text, not {type(reason).__name__}.")
    return storable(reason)


def _changed(run: Callable[[Event], Event], event: Event) -> Event:
    """With other properties. What identifies the event stays: the ledger counts by it."""
    changed = run(_copied(event))
    if not isinstance(changed, Event):
        raise TypeError(f"A step returns the event, not {type(changed).__name__}.")
    kept = replace(event, properties=dict(changed.properties))
    dumps(kept)  # raises where no queue could keep it
    return kept


def _copied(event: Event) -> Event:
    """Whatever is done to it, the event stays as it is."""
    return replace(event, properties=dict(event.properties))

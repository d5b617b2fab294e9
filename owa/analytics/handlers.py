"""Who turns events into facts: the core, and the modules that are on."""

from functools import partial

from owa.analytics.late import LateHandler, contributed_facts
from owa.contributions import FactHandler
from owa.registry import Registry


def fact_handlers(registry: Registry) -> tuple[FactHandler, ...]:
    """All that there are now."""
    families = (LateHandler(family.event_type, partial(contributed_facts, family)) for family in registry.fact_families)
    return (*registry.fact_handlers, *families)

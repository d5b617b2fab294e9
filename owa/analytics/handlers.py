"""Who turns events into facts: the core, and the modules that are on."""

from owa.analytics.facts import Facts
from owa.analytics.families import contributed
from owa.contributions import FactHandler
from owa.registry import Registry


def fact_handlers(registry: Registry) -> tuple[FactHandler, ...]:
    """All that there are now."""
    return (*registry.fact_handlers, *(Facts(contributed(family)) for family in registry.fact_families))

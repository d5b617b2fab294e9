"""Which modules there are, which of them are on, and what those contribute."""

from owa.registry.discovery import BUILT_IN, CORE, ENTRY_POINTS, Found, discover
from owa.registry.loading import DRAINED, Loaded
from owa.registry.readiness import judged
from owa.registry.registry import Registry, load, subscriptions_of

__all__ = [
    "BUILT_IN",
    "CORE",
    "DRAINED",
    "ENTRY_POINTS",
    "Found",
    "Loaded",
    "Registry",
    "discover",
    "judged",
    "load",
    "subscriptions_of",
]

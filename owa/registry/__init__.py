"""Which modules there are, which of them are on, and what those contribute."""

from owa.registry.discovery import BUILT_IN, CORE, ENTRY_POINTS, Found, discover
from owa.registry.loading import DRAINED, Loaded
from owa.registry.registry import Registry, load

__all__ = ["BUILT_IN", "CORE", "DRAINED", "ENTRY_POINTS", "Found", "Loaded", "Registry", "discover", "load"]

"""What the tables depend on besides the events."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

Goal = tuple[str, str, int]
"""How the pattern is compared with path and query (`exact`, `begins`, `regex`), the pattern, the value in cents."""

Place = tuple[str, str, str, str, str, str]
"""Country, state, city, country code, latitude, longitude; empty where nothing is known."""


@dataclass(frozen=True)
class Agent:
    """What a library finds in a user agent string; empty where it finds nothing."""

    browser: str = ""
    version: str = ""
    system: str = ""
    is_robot: bool = False


@dataclass(frozen=True)
class Given:
    """What the tables depend on besides the events."""

    zone: tzinfo
    filters: Collection[str]
    """Query parameters that make no other page."""
    agent: Callable[[str], Agent]
    registrable_domain: Callable[[str], str]
    adopt: bool = False
    """Whether sessions without a flagged page view are adopted."""
    goals: Mapping[str, Mapping[int, Goal]] = field(default_factory=dict)
    """By site, and by number."""
    locate: Callable[[str], Place | None] = lambda _address: None
    """Where an IP address is."""

"""Which modules there are. Nobody imports a module: they are named as strings here, or found by their entry point."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

ENTRY_POINTS = "owa.modules"

CORE = "core"
"""What is always on: it contributes through the same hooks as a module, and is none."""

BUILT_IN = {
    CORE: "owa.analytics.hooks",
    "domstream": "owa.modules.domstream",
    "file_queue": "owa.modules.file_queue",
    "remote_queue": "owa.modules.remote_queue",
    "database_queue": "owa.modules.database_queue",
    "utm_campaigns": "owa.modules.utm_campaigns",
    "referer_spam": "owa.modules.referer_spam",
    "webhook": "owa.modules.webhook",
    "maxmind_geoip": "owa.modules.maxmind_geoip",
}

ON = frozenset((CORE, "file_queue", "database_queue"))
"""Those of them that are on until somebody switches them. The others are not imported: most commands do without."""


@dataclass(frozen=True, slots=True)
class Found:
    """A module that could be loaded."""

    name: str
    path: str
    """What is imported."""
    is_built_in: bool = True
    version: str = ""
    author: str = ""
    description: str = ""
    """Of the package that it came with. For a module that is off nothing is imported, so this is all that is known."""

    @property
    def is_on(self) -> bool:
        """Whether it is on until somebody switches it."""
        return self.is_built_in and self.name in ON


def discover() -> dict[str, list[Found]]:
    """By name: two packages may bring modules of one name."""
    found: dict[str, list[Found]] = {name: [Found(name, path)] for name, path in BUILT_IN.items()}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, entry.value)):
        found.setdefault(entry.name, []).append(_third_party(entry))
    return found


def _third_party(entry: EntryPoint) -> Found:
    """A package may say little of itself."""
    about = entry.dist.metadata if entry.dist else ()
    version, author, email, summary = (
        about[key] if about and key in about else "" for key in ("Version", "Author", "Author-email", "Summary")
    )
    return Found(entry.name, entry.value, False, version, author or email, summary)

"""The chain that an event travels, link by link."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from owa.diagnosis.check import Check, Finding, Link, Verdict, broken, unknown
from owa.diagnosis.draining import look_at_cron, look_at_drain, look_at_lock, look_at_pauses, look_at_scheduler
from owa.diagnosis.keeping import (
    look_at_disk,
    look_at_endpoint,
    look_at_installation,
    look_at_mode,
    look_at_permissions,
)
from owa.diagnosis.scene import NotOpened, Scene
from owa.diagnosis.storing import (
    look_at_clock,
    look_at_database,
    look_at_ledger,
    look_at_modules,
    look_at_oldest_event,
)
from owa.errors import DatabaseUnavailable, OwaError, told

EVENTS = "oldest_event"
"""The link that tells of single events: not everybody may see all sites'."""
MODULES = "modules"

CHAIN = (
    Link("installation", "whether OWA can start", look_at_installation),
    Link("mode", "whether events are queued or processed at once", look_at_mode),
    Link("disk", "space in the data folder and in the queue's", look_at_disk),
    Link("permissions", "whether those who serve and the one who asks may use all files", look_at_permissions),
    Link("endpoint", "whether an event can be kept now, and gets a guid", look_at_endpoint),
    Link("pauses", "what an admin has paused", look_at_pauses),
    Link("lock", "who holds the queue, and whether he gets on", look_at_lock),
    Link("drain", "what came of the last drains, and when that was", look_at_drain),
    Link("scheduler", "which process runs the regular jobs", look_at_scheduler),
    Link("cron", "when a command drained last", look_at_cron),
    Link(EVENTS, "what fails, and since when", look_at_oldest_event),
    Link("database", "whether it can be read and written, and is migrated", look_at_database),
    Link(MODULES, "whether those that are on work", look_at_modules),
    Link("clock", "the clocks of this machine, of other processes and of senders", look_at_clock),
    Link("ledger", "whether all that was taken is somewhere", look_at_ledger),
)
"""In the order in which an event travels."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All links."""

    checks: tuple[Check, ...]

    @property
    def broken(self) -> list[Check]:
        return [check for check in self.checks if check.is_broken]

    @property
    def first_broken(self) -> Check | None:
        """What is to be mended first: where the event gets stuck, or further down the chain, what causes that. None:
        all is well, as far as could be seen."""
        check = next(iter(self.broken), None)
        while check and (cause := self._cause(check)):
            check = cause
        return check

    def _cause(self, check: Check) -> Check | None:
        """The link that causes all of it; None: it has a cause of its own."""
        causes = [self._cause_of(found) for found in check.told]
        return None if None in causes else causes[0]

    def _cause_of(self, found: Finding) -> Check | None:
        return next((check for check in self.broken if check.name in found.comes_of), None)

    def with_causes(self) -> "Diagnosis":
        """The same, in which what comes of another link says so, instead of what else would mend it."""
        told = (tuple(self._with_cause(found) for found in check.findings) for check in self.checks)
        return Diagnosis(tuple(replace(check, findings=found) for check, found in zip(self.checks, told, strict=True)))

    def _with_cause(self, found: Finding) -> Finding:
        cause = self._cause_of(found)
        return replace(found, remedy=f"First mend what {cause.name} tells: this may come of it.") if cause else found

    def check(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        first = self.first_broken
        return {"first_broken": first.name if first else None, "checks": [check.document() for check in self.checks]}


def diagnose(scene: Scene) -> Diagnosis:
    """Look at every link. Never raises: what cannot be looked at is told."""
    return Diagnosis(tuple(_look(scene, link) for link in CHAIN)).with_causes()


def look_at(scene: Scene, names: Collection[str]) -> Diagnosis:
    """Look at some of the links. Never raises."""
    return Diagnosis(tuple(_look(scene, link) for link in CHAIN if link.name in names)).with_causes()


def _look(scene: Scene, link: Link) -> Check:
    return Check(link.name, link.looks_at, tuple(_findings(scene, link)))


def _findings(scene: Scene, link: Link) -> list[Finding]:
    try:
        return link.look(scene)
    except NotOpened:
        return unknown("OWA could not be opened here.")
    except DatabaseUnavailable:
        return unknown("It is in the database, which is away.")
    except OwaError as error:
        return broken(error.message, error.remedy)
    except OSError as error:
        text = f"It cannot be looked at: {error.filename or ''} {error.strerror or error}."
        return broken(text, "Run this as the user that runs OWA, or as root.")
    except Exception as error:
        return [Finding(Verdict.BROKEN, f"It cannot be looked at: {told(error)[0]}", "Tell the authors of OWA.")]

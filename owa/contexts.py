"""What queues, handlers and modules are given: what is open, and the settings as they are at that moment."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from owa.clock import Clock
from owa.configuration import ConfigurationKeeper
from owa.contributions import ProcessingContext, QueueContext
from owa.db.engine import Database
from owa.isolation import Isolation
from owa.processing.locating import locating

if TYPE_CHECKING:
    from owa.admin_contributions import ModuleContext


@dataclass(frozen=True, slots=True)
class Contexts:
    """Makes them."""

    configuration: ConfigurationKeeper
    database: Database
    clock: Clock
    folder: Path
    """The queue files' folder."""
    isolation: Isolation
    """Between what modules contribute and those who call it."""

    def queue(self, name: str) -> QueueContext:
        """For the factory of the queue of that name."""
        settings = self.configuration.current().settings
        return QueueContext(name, settings, self.database, self.clock, self.folder, self._generation)

    def processing(self) -> ProcessingContext:
        """For the fact handlers, for one batch."""
        now = self.configuration.current()
        locate = locating(self.configuration.registry.locators, now.settings, self.isolation)
        return ProcessingContext(now.settings, now.sites, self.clock.now(), locate)

    def module(self) -> "ModuleContext":
        """For pages, jobs, commands and checks of modules."""
        from owa.admin_contributions import ModuleContext

        settings = self.configuration.current().settings
        return ModuleContext(settings, self.database, self.clock, self.folder, self._generation)

    def _generation(self) -> int:
        return self.configuration.current().generation

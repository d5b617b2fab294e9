"""Tells the others that this process is there, and which configuration it has applied."""

from owa.clock import MICROSECONDS, Clock
from owa.configuration import ConfigurationKeeper
from owa.db.engine import Database
from owa.db.modules import Process, Subscriptions, note_process, store_subscriptions
from owa.node import this_process

INTERVAL = 10
"""Seconds between two notes, when nothing has changed."""

GONE = 3 * INTERVAL
"""Seconds after which a process that was not noted is taken for gone."""


class Presence:
    """The note of one process."""

    def __init__(self, database: Database, clock: Clock, server: int, configuration: ConfigurationKeeper) -> None:
        """`server`: this one's number."""
        self._database = database
        self._clock = clock
        self._server = server
        self._configuration = configuration
        self._noted: tuple[int, str] = (-1, "")
        self._noted_at = 0
        self._remembered: dict[str, Subscriptions] = {}

    def note(self) -> None:
        """Write it down if it is time to. Raises `DatabaseUnavailable`."""
        now = self._clock.now()
        state = self._configuration.current().generation, self._broken()
        if state == self._noted and now - self._noted_at < INTERVAL * MICROSECONDS:
            return
        generation, broken = state
        with self._database.writing() as connection:
            note_process(connection, Process(this_process(), self._server, generation, broken, now))
        self._noted, self._noted_at = state, now

    def remember(self) -> None:
        """Keep what event handlers want for the day when a module cannot be loaded. Raises `DatabaseUnavailable`."""
        current = self._configuration.current()
        for module, wanted in self._configuration.registry.subscriptions(current.settings).items():
            known = self._remembered.get(module, current.subscriptions.get(module, {}))
            if dict(wanted) != {event_type: tuple(handlers) for event_type, handlers in known.items()}:
                with self._database.writing() as connection:
                    store_subscriptions(connection, module, wanted)
                self._remembered[module] = wanted

    def _broken(self) -> str:
        modules = self._configuration.registry.modules.values()
        return ", ".join(loaded.name for loaded in modules if loaded.error)

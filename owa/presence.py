"""Tells the others that this process is there, and which configuration it has applied."""

from sqlalchemy import Connection

from owa.clock import MICROSECONDS, Clock
from owa.configuration import ConfigurationKeeper
from owa.db.engine import Database
from owa.db.modules import Process, Subscriptions, note_process, store_subscriptions
from owa.db.postgresql import clock_of
from owa.node import this_process
from owa.queues.settings import QUEUE_EVENTS
from owa.version import VERSION

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
            skew = self._skew(connection)
            mode = "asynchronous" if self._configuration.current().settings[QUEUE_EVENTS] else "synchronous"
            process = Process(this_process(), self._server, generation, broken, now, VERSION, mode, skew)
            note_process(connection, process)
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

    def _skew(self, connection: Connection) -> int | None:
        """How far this clock is behind the database's, where that has one of its own."""
        theirs = clock_of(connection)
        return None if theirs is None else theirs - self._clock.now()

    def _broken(self) -> str:
        modules = self._configuration.registry.modules.values()
        return ", ".join(loaded.name for loaded in modules if loaded.error)

"""What a diagnosis looks at, looked up once for all links."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import configuration as stored
from owa.db import jobs, pauses
from owa.db.jobs import RUNNING, Run
from owa.db.modules import Process, processes
from owa.db.pauses import Pause
from owa.errors import DatabaseUnavailable, OwaError
from owa.exchange.settings import SERVER_NUMBER
from owa.files import Holder, holder_of
from owa.node import Living, living, pid_here
from owa.presence import GONE
from owa.settings import Settings

if TYPE_CHECKING:
    from owa.app import Installation

NOTED = 1_000
"""Runs of a job among which one is looked for that a command began."""

QUEUE_JOBS = {INCOMING: "drain", PROCESSING: "retry"}
"""Which job drains a queue."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an installation is on this machine."""

    data: Path
    queue: Path

    @property
    def queues(self) -> list[Path]:
        """The folders of all queues that keep files: the queue's own, and those below it. Raises `OSError`."""
        below = sorted(path.parent for path in self.queue.glob("*/queue.id"))
        return [self.queue, *below]


class Scene:
    """One look at an installation. Whatever cannot be looked up raises `DatabaseUnavailable` or `OSError`."""

    def __init__(
        self,
        folders: Folders | None,
        opened: "Installation | None" = None,
        error: OwaError | None = None,
        next_guid: Callable[[], object] = lambda: None,
        *,
        verifies_ledger: bool = False,
        outage: DatabaseUnavailable | None = None,
    ) -> None:
        """`opened`: None where `error` kept it from being opened. `next_guid`: tries whether guids can be made; raises
        `OwaError` or `OSError`. `outage`: what has been seen of the database already."""
        self.folders = folders
        self.error = error
        self.next_guid = next_guid
        self.verifies_ledger = verifies_ledger
        self._opened = opened
        self._outage = outage

    @property
    def opened(self) -> "Installation":
        if self._opened is None:
            raise NotOpened
        return self._opened

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    @cached_property
    def now(self) -> int:
        """Microseconds."""
        return self.opened.clock.now()

    @property
    def settings(self) -> Settings:
        return self.opened.configuration.current().settings

    @property
    def server(self) -> int:
        """This one's number."""
        return self.settings[SERVER_NUMBER]

    @cached_property
    def outage(self) -> DatabaseUnavailable | None:
        """Why the database cannot be read."""
        if self._outage:
            return self._outage
        try:
            with self.opened.database.reading() as connection:
                stored.generation(connection)
        except DatabaseUnavailable as error:
            return error
        return None

    @cached_property
    def processes(self) -> list[Process]:
        """Those that serve the web, on all servers."""
        since = self.now - GONE * MICROSECONDS
        with self.opened.database.reading() as connection:
            return processes(connection, since)

    @cached_property
    def serving(self) -> list[Living]:
        """The processes of this machine that serve the web; none is known while the database is away."""
        if self._opened is None or self.outage:
            return []
        return [living(pid) for process in self.processes if (pid := pid_here(process.name)) is not None]

    @cached_property
    def runner(self) -> Holder | None:
        """Who runs the drains of this server; None: nobody of this machine, or it has no such lock."""
        return holder_of(self.folders.queue / "drain.runner") if self.folders else None

    def is_paused(self, queue: str) -> bool:
        """Whether an admin has paused the queue, or the job that drains it."""
        return (pauses.QUEUE, queue) in self.pauses or (pauses.JOB, QUEUE_JOBS[queue]) in self.pauses

    @cached_property
    def pauses(self) -> Mapping[tuple[str, str], Pause]:
        """What an admin has paused."""
        with self.opened.database.reading() as connection:
            return pauses.paused(connection)

    def last_run(self, queue: str) -> Run | None:
        """The last drain of a queue: of the incoming one, by this server."""
        return self._last[queue]

    @cached_property
    def _last(self) -> dict[str, Run | None]:
        servers = {INCOMING: self.server, PROCESSING: None}
        with self.opened.database.reading() as connection:
            return {queue: jobs.last(connection, job, server=servers[queue]) for queue, job in QUEUE_JOBS.items()}

    @cached_property
    def last_command(self) -> Run | None:
        """The last drain of this server that a command began, such as cron's."""
        with self.opened.database.reading() as connection:
            return jobs.last_by(connection, "drain", self.server, "command", NOTED)

    @cached_property
    def locks(self) -> list[tuple[Path, Holder]]:
        """The locks of drains that are held, each with its holder."""
        if self.folders is None:
            return []
        found = [(folder / "drain.lock", holder_of(folder / "drain.lock")) for folder in self.folders.queues]
        return [(path, holder) for path, holder in found if holder]

    def is_draining(self, queue: str) -> bool:
        """Whether a drain is under way: a long one is recorded only when it ends."""
        if queue == INCOMING and self.locks:
            return True
        last = self.last_run(queue)
        return last is not None and last.outcome == RUNNING and pid_here(last.owner) is not None


class NotOpened(Exception):
    """The installation could not be opened: its first link tells why."""

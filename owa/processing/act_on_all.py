"""Retries, discards or restores all failed events that match a filter: in the background, chunk by chunk, each in a
transaction of its own together with the count of what was done. Killed, it has done what it says."""

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from threading import Event as Flag
from threading import Lock, Thread

import orjson
from sqlalchemy import Connection

from owa.clock import Clock
from owa.db import failed_acts
from owa.db.engine import Database
from owa.errors import HeldByAnother, Outage
from owa.processing.acts import DO, Act
from owa.queues.contract import FailedFilter, FailedState, Place, RetryQueue

logger = logging.getLogger(__name__)

CHUNK = 500
"""Events of a transaction."""

COUNTED = 5_000
"""Events that are counted at once."""

PATIENCE = 30.0
"""Seconds that a chunk waits for its turn to write."""

PAUSE = 0.01
"""Seconds between two chunks, in which others may write."""

Note = Callable[[Connection, int], None]
"""Told in each transaction how many events it has changed by then, all in all: for the audit trail."""


class ActOnAll:
    """One at a time, of all that share the database."""

    def __init__(self, database: Database, retries: RetryQueue, clock: Clock) -> None:
        self._database = database
        self._retries = retries
        self._clock = clock
        self._lock = Lock()
        self._thread: Thread | None = None
        self._is_stopped = Flag()

    def start(self, act: Act, wanted: FailedFilter, user_id: str, note: Note) -> int:
        """Begin, in the background; returns how many match, as it is counted now. `note`: is called once with 0 before
        this returns. Raises `HeldByAnother` when one is under way."""
        with self._lock:
            number, total, wanted = self.begin(act, wanted, user_id, note)
            # killed at any instant, it loses nothing: it must not keep the process from ending
            self._thread = Thread(target=self._run, args=(number, act, wanted, note), name="act-on-all", daemon=True)
            self._thread.start()
        return total

    def begin(self, act: Act, wanted: FailedFilter, user_id: str, note: Note) -> tuple[int, int, FailedFilter]:
        """Note that it begins; returns its number, how many match, and the filter to `run` it with. It is for what is
        there now: an event that fails again meanwhile is not taken twice."""
        now = self._clock.now()
        wanted = replace(wanted, state=act.of, until=min(wanted.until or now + 1, now + 1))
        with self._database.reading() as connection:
            total = self._count(connection, wanted)
        with self._database.writing() as connection:
            number = failed_acts.begin(connection, act.value, dumped(wanted), user_id, total, now)
            if number is None:
                raise HeldByAnother("All that match something are being worked on already.", "Wait for that to end.")
            note(connection, 0)
        return number, total, wanted

    def run(self, number: int, act: Act, wanted: FailedFilter, note: Note) -> int:
        """Do it; returns how many events were changed. Raises `Outage`."""
        done, before = 0, None
        while not self._is_stopped.is_set():
            with self._database.reading() as connection:
                places = self._next(connection, wanted, before)
            if not places:
                self._end(number, failed_acts.DONE)
                return done
            before = places[-1]
            with self._database.writing(PATIENCE) as connection:
                now = self._clock.now()
                changed = len(DO[act](connection, self._retries, [place[1:] for place in places], now))
                done += changed
                counts = {"done": changed, "passed_over": len(places) - changed}
                if not failed_acts.go_on(connection, number, now, **counts):
                    raise HeldByAnother("It was silent for too long, and another one has begun.")
                note(connection, done)
            self._is_stopped.wait(PAUSE)
        self._end(number, failed_acts.STOPPED, "The server was stopped.")
        return done

    def wait(self, patience: float) -> bool:
        """Whether none is under way in this process, after so many seconds at most."""
        if self._thread:
            self._thread.join(patience)
        return self._thread is None or not self._thread.is_alive()

    def stop(self) -> None:
        """Returns when none is under way in this process: it ends after its present chunk."""
        self._is_stopped.set()
        if self._thread:
            self._thread.join()

    def _run(self, number: int, act: Act, wanted: FailedFilter, note: Note) -> None:
        try:
            self.run(number, act, wanted, note)
        except Exception as error:
            if not isinstance(error, Outage | HeldByAnother):
                logger.exception("All that match could not be worked on.")
            try:
                self._end(number, failed_acts.STOPPED, str(error))
            except Outage as outage:
                logger.warning("That it has stopped could not be noted: %s", outage)

    def _next(
        self, connection: Connection, wanted: FailedFilter, before: Place | None, limit: int = CHUNK
    ) -> list[Place]:
        """The next ones; each look into the database is short, however rare they are."""
        while True:
            last = self._retries.failed_reach(connection, wanted, before)
            places = self._retries.failed_places(connection, wanted, limit, before, last)
            if places or last is None:
                return places
            before = last

    def _count(self, connection: Connection, wanted: FailedFilter) -> int:
        total, before = 0, None
        while places := self._next(connection, wanted, before, COUNTED):
            total, before = total + len(places), places[-1]
        return total

    def _end(self, number: int, result: str, detail: str = "") -> None:
        with self._database.writing(PATIENCE) as connection:
            failed_acts.end(connection, number, self._clock.now(), result, detail)


def dumped(wanted: FailedFilter) -> bytes:
    """The filter, as it is stored."""
    return orjson.dumps(asdict(wanted))


def loaded(text: bytes) -> FailedFilter:
    """That filter."""
    values = orjson.loads(text)
    return FailedFilter(**values | {"state": FailedState(values["state"])})

"""Calls what modules contribute, in this process. What they raise is held against them, and hurts nobody else; a module
that fails again and again is switched off. How long a call takes is measured: it cannot be ended from outside."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from owa.clock import Clock
from owa.db import configuration as stored
from owa.db.engine import Database
from owa.db.modules import LIMIT, Switch, note_failures, switches
from owa.errors import HeldByAnother, ModuleFailed, Outage, UsageError, told
from owa.masking import masked_text

logger = logging.getLogger(__name__)

T = TypeVar("T")

BREAKER = "circuit breaker"
"""Who switched it off then."""

NO_FAULTS = (Outage, HeldByAnother, UsageError)
"""What a module may raise by `run` without having failed."""
_APART = ":"
"""Ends the key of what event handlers of a module did."""


@dataclass(slots=True)
class Failures:
    """Those of one module in this process."""

    in_a_row: int = 0
    error: str = ""
    trace: str = ""
    at: int = 0
    is_told: bool = True
    """Whether the database knows."""
    events: set[int] = field(default_factory=set)
    """Guids of those that it has failed at, in a row."""
    trips: bool = False
    """Whether there were too many of them in a row since the database was told; a success does not undo that."""
    is_kept: bool = False
    """Whether there were too many of them, and it was not switched off: that is logged once."""


class Isolation:
    """Between the program and its modules. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        can_spare: Callable[[str, Mapping[str, Switch]], bool] = lambda _name, _chosen: True,
        note: Callable[[Connection, str, int], None] = lambda _connection, _name, _now: None,
    ) -> None:
        """`can_spare`: whether all goes on without a module, when the others are switched like that. `note`: called
        with a module that is switched off, in the transaction that does it."""
        self._database = database
        self._clock = clock
        self._can_spare = can_spare
        self._note_switch = note
        self._failures: dict[str, Failures] = {}
        self._slowest: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def call(self, module: str, what: str, function: Callable[..., T], *arguments: Any, default: T) -> T:
        """What `function` returns; `default` when it raises. `what`: names the call for the admin. Failures in a row
        switch the module off."""
        try:
            result = self._timed(module, what, function, *arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may even call sys.exit
            self._noted(module, what, error, counts=True)
            return default
        self._note_success(module)
        return result

    def run(self, module: str, what: str, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` returns, for those who tell that it did not work: raises `ModuleFailed`, or what is nobody's
        fault (`NO_FAULTS`). It switches nothing off: events do not depend on it."""
        try:
            return self._timed(module, what, function, *arguments)
        except (KeyboardInterrupt, *NO_FAULTS):
            raise
        except BaseException as error:  # a module may even call sys.exit
            line = self._noted(module, what, error, counts=False)
            remedy = "Its traceback is on the page Settings > Modules. Tell its author, or switch it off."
            raise ModuleFailed(f"The module {module} has failed: {line.rstrip('.')}.", remedy) from error

    def failed(self, module: str, error: str, trace: str, event: int | None = None) -> None:
        """Note that an event handler of a module failed, in a process of its own: that is counted apart from what the
        module does here. `event`: the guid of what it failed at; failing at it again and again counts once."""
        self._note(module + _APART, error[:1_000], trace, event)

    def succeeded(self, module: str) -> None:
        """Note that an event handler of a module has done its work."""
        self._note_success(module + _APART)

    def trips(self, module: str) -> bool:
        """Whether the next `tell` switches a module off, for what its event handlers did."""
        failures = self._failures.get(module + _APART)
        return failures is not None and failures.trips

    def slowest(self) -> dict[str, tuple[float, str]]:
        """The longest call of each module in this process: seconds, and what it was."""
        return dict(self._slowest)

    def tell(self) -> bool:
        """Write down what has failed since the last time, and switch off what fails again and again, unless nothing
        else serves its queue; True when something was switched. Raises `DatabaseUnavailable`: then it is told the
        next time."""
        news = [(name, failures) for name, failures in list(self._failures.items()) if not failures.is_told]
        switched = [self._tell(name.removesuffix(_APART), failures) for name, failures in news]
        return any(switched)

    def _tell(self, name: str, failures: Failures) -> bool:
        with self._lock:
            noted = replace(failures)
            failures.is_told, failures.trips = True, False
        try:
            trips = self._store(name, noted)
        except BaseException:
            failures.is_told, failures.trips = False, noted.trips or failures.trips
            raise
        failures.is_kept = failures.is_kept or (noted.trips and not trips)
        if trips:
            failures.in_a_row, failures.events = 0, set()
        return trips

    def _store(self, name: str, noted: Failures) -> bool:
        """Whether the module is switched off now. What somebody else has switched meanwhile stays as it is."""
        with self._database.writing() as connection:
            chosen = switches(connection)
            if chosen.get(name) is Switch.TRIPPED:
                return False
            too_many = noted.trips and chosen.get(name, Switch.ON) is Switch.ON
            trips = too_many and self._can_spare(name, chosen)
            failures = max(noted.in_a_row, LIMIT) if trips else noted.in_a_row
            note_failures(connection, name, failures, noted.error, noted.trace, noted.at)
            if trips:
                stored.store_switch(connection, name, Switch.TRIPPED, BREAKER, self._clock.now())
                self._note_switch(connection, name, self._clock.now())
        if too_many and not noted.is_kept:
            does = "is switched off" if trips else "stays on, since nothing else does its work,"
            logger.error("The module %s %s after %d failures: %s", name, does, failures, masked_text(noted.error))
        return trips

    def _timed(self, module: str, what: str, function: Callable[..., T], *arguments: Any) -> T:
        started = time.perf_counter()
        result = function(*arguments)
        self._measure(module, what, time.perf_counter() - started)
        return result

    def _noted(self, module: str, what: str, error: BaseException, *, counts: bool) -> str:
        line, trace = told(error)
        return self._note(module, f"{what}: {line}"[:1_000], trace, counts=counts)

    def _note(self, module: str, error: str, trace: str, event: int | None = None, *, counts: bool = True) -> str:
        with self._lock:
            failures = self._failures.setdefault(module, Failures())
            failures.in_a_row += counts and (event is None or event not in failures.events)
            failures.events |= {event} if event is not None else set()
            failures.error, failures.trace, failures.at = error, trace, self._clock.now()
            failures.is_told = False
            failures.trips = failures.trips or failures.in_a_row >= LIMIT
        return failures.error

    def _note_success(self, module: str) -> None:
        if (failures := self._failures.get(module)) and failures.in_a_row:
            with self._lock:
                if failures.in_a_row >= LIMIT:
                    failures.is_told = False
                failures.in_a_row, failures.events, failures.is_kept = 0, set(), False

    def _measure(self, module: str, what: str, seconds: float) -> None:
        if seconds > self._slowest.get(module, (0.0, ""))[0]:
            self._slowest[module] = (seconds, what)

"""How a child process is led through a batch, and what is held against which event when it does not come back."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from owa.db.engine import WRITE_PATIENCE
from owa.db.limits import LONGEST
from owa.delivery.process import ChildProcess, Ended
from owa.delivery.protocol import (
    Away,
    Failed,
    Finished,
    Message,
    Overtaken,
    Queueing,
    Started,
    Stop,
    Stored,
    Storing,
    Work,
    packed,
)
from owa.errors import Outage
from owa.queues.contract import Item, Key

BETWEEN = 30.0
"""Seconds that a child may take from one event to the next."""

STOP_PATIENCE = 2.0
"""Seconds that it has to end when it is told to: then it is killed, and its event is nobody's failure."""

LOOK = 0.5
"""Seconds between two looks whether to stop."""


class Spoiled(Exception):
    """The child is of no use any more, and no event is to blame. `trace`: what it printed."""

    def __init__(self, reason: str, trace: str = "") -> None:
        super().__init__(reason)
        self.trace = trace


class Stopped(Exception):
    """The batch was left, because somebody wants it to."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What came of an event that was not delivered."""

    error: str
    trace: str
    duration: int | None = None
    """Microseconds."""


class Listener(Protocol):
    """Is told what becomes of events, at once."""

    def handled(self) -> None:
        """Since the last event that failed, there was one that did not."""

    def stored(self, keys: Iterable[Key]) -> None:
        """These are done, and the database knows."""

    def failed(self, key: Key, problem: Problem) -> None:
        """This one failed, and the database does not know."""


class Conversation:
    """With one child, about one batch."""

    def __init__(self, child: ChildProcess, timeout: float, listener: Listener, is_stopped: Callable[[], bool]) -> None:
        """`timeout`: seconds for the handler to work on one event."""
        self._child = child
        self._timeout = timeout
        self._listener = listener
        self._is_stopped = is_stopped
        self._current: tuple[Key, str] | None = None
        """The event that it works on, and what to say if that does not end."""
        self._until = 0.0
        self._is_handling = False
        self._has_handled = False
        self.outage: Outage | None = None
        """Why the child has left the batch: something is away."""
        self._is_stopping = False

    def hold(self, token: str, items: Mapping[Key, Item], seconds: float) -> bool:
        """Have these delivered; for so many seconds others of them are begun. Returns whether the child is fit for
        another batch. Raises `Spoiled` or `Stopped`: then it is not."""
        self._expect(BETWEEN)
        try:
            self._child.send(Work(token, packed(items.values()), seconds))
            while not isinstance(message := self._next(), Finished):
                self._take_in(message)
        except Ended as error:
            self._blame(str(error))
            return False
        return not message.ends

    def _next(self) -> Message:
        while True:
            self._look_whether_to_stop()
            patience = self._until - time.monotonic()
            # what it has said is taken in before it is judged: this process may have been busy elsewhere
            if message := self._child.receive(max(0.0, min(patience, LOOK))):
                return message
            if patience <= 0:
                if self._is_stopping:
                    raise Stopped
                reason = self._current[1] if self._current else "it did not come back between two events"
                self._child.dump()
                self._child.kill()
                raise Ended(reason)

    def _look_whether_to_stop(self) -> None:
        if not self._is_stopping and self._is_stopped():
            self._is_stopping = True
            self._child.send(Stop())
            self._until = time.monotonic() + STOP_PATIENCE

    def _take_in(self, message: Message) -> None:
        match message:
            case Started(guid, handler):
                self._has_handled = self._has_handled or self._is_handling
                self._expect(self._timeout, (guid, handler), f"it did not end within {self._timeout:g} s")
                self._is_handling = True
            case Storing(guid, handler):
                self._expect(2 * LONGEST, (guid, handler), "what it returned could not be stored in time")
            case Queueing():
                self._expect(2 * WRITE_PATIENCE)
            case Stored(keys):
                self._expect(BETWEEN)
                self._listener.stored(keys)
            case Failed(guid, handler, error, trace, duration):
                self._fail((guid, handler), Problem(error, trace, duration))
            case Away(text, remedy):
                self.outage = Outage(text, remedy)
            case Overtaken():
                pass
            case _:
                raise Ended(f"it said {type(message).__name__} out of turn")

    def _expect(self, seconds: float, current: Key | None = None, complaint: str = "") -> None:
        """The child must say something within these seconds."""
        self._current = (current, complaint) if current else None
        self._is_handling = False
        if not self._is_stopping:
            self._until = time.monotonic() + seconds

    def _blame(self, reason: str) -> None:
        """Hold the child's end against the event that it worked on."""
        if self._is_stopping:
            raise Stopped
        trace = printed(self._child)
        if self._current is None:
            raise Spoiled(reason, trace)
        self._fail(self._current[0], Problem(reason, trace))

    def _fail(self, key: Key, problem: Problem) -> None:
        if self._is_handling and self._has_handled:
            self._listener.handled()
            self._has_handled = False
        self._expect(BETWEEN)
        self._listener.failed(key, problem)


def printed(child: ChildProcess) -> str:
    """What stands in the place of a traceback."""
    return f"The last that its process printed:\n{child.output}" if child.output else ""

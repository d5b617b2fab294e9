"""Ends statements that take too long: who executes them holds the writer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from owa.db import postgresql

LONGEST = 5.0
"""Seconds that the statements for one event may take."""

_INSTRUCTIONS = 10_000
"""Of SQLite's machine, between two looks at the clock: well below a millisecond."""


class TooLong(Exception):
    """The statements for an event took too long."""

    def __init__(self, longest: float = LONGEST) -> None:
        super().__init__(f"what it stores for one event did not end within {longest:g} s")


class Watch:
    """Tells when the time for one event is over."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.longest = longest
        self._until = float("inf")

    def begin(self) -> None:
        """The next event."""
        self._until = time.monotonic() + self.longest

    def end(self) -> None:
        """What comes now is our own."""
        self._until = float("inf")

    def is_over(self) -> bool:
        return time.monotonic() > self._until


@contextmanager
def watched(connection: Connection, longest: float = LONGEST) -> Iterator[Watch]:
    """Within the block, the database ends statements when the watch says so: after `longest` seconds for one event. For
    a transaction that writes."""
    watch = Watch(longest)
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(watch.is_over, _INSTRUCTIONS)
        try:
            yield watch
        finally:
            driver.set_progress_handler(None, 0)
    else:
        connection.exec_driver_sql(postgresql.limit_statements(longest))
        yield watch

"""Looks addresses up, in the process that drains. The database is opened at the first one."""

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from owa.module_api import Location, Locator, Settings
from owa.modules.maxmind_geoip.database import NoDatabase, Signature, look_up, open_database, signature_of
from owa.modules.maxmind_geoip.record import location_of
from owa.modules.maxmind_geoip.settings import path_of

if TYPE_CHECKING:
    from maxminddb import Reader

logger = logging.getLogger(__name__)

LOOK_AGAIN = 1.0
"""Seconds between two looks whether the file is another one."""

REMEMBERED = 10_000
"""Addresses: visitors have many page views each."""


class Places:
    """What the database knows. Follows the file: when it is replaced, the new one is opened, and the old one closed.
    Without a file that can be read it knows nothing. Safe to share between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds."""
        self._now = now
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._signature: Signature | None = None
        self._look_at = 0.0
        self._reader: Reader | None = None
        self._find: Callable[[str], Location | None] = _nothing
        self._is_told = False

    def find(self, path: Path, address: str) -> Location | None:
        """Where the address is, by the database of that path."""
        with self._lock:
            now = self._now()
            if path != self._path or now >= self._look_at:
                self._look_at = now + LOOK_AGAIN
                self._follow(path)
            return self._find(address)

    def close(self) -> None:
        """Let go of the file. It is opened again when somebody asks."""
        with self._lock:
            self._close()
            self._path = self._signature = None

    def _follow(self, path: Path) -> None:
        """Open what is there now, unless it has been tried already."""
        is_new, self._path = path != self._path, path
        before, self._signature = self._signature, None
        try:
            self._signature = signature_of(path)
            if is_new or self._signature != before:
                self._close()
                self._reader = reader = open_database(path)
                self._find = lru_cache(REMEMBERED)(partial(self._look_up, reader, path))
        except NoDatabase as error:
            if is_new or self._signature != before:
                self._warn(error)
            self._close()

    def _look_up(self, reader: "Reader", path: Path, address: str) -> Location | None:
        try:
            return location_of(look_up(reader, path, address))
        except NoDatabase as error:  # other parts of it may be whole
            self._warn(error)
            return None

    def _warn(self, error: NoDatabase) -> None:
        """Once, until there is another file."""
        if not self._is_told:
            logger.warning("Visitors have no location: %s", error)
        self._is_told = True

    def _close(self) -> None:
        self._find, self._is_told = _nothing, False
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _nothing(_address: str) -> Location | None:
    return None


PLACES = Places()
"""Of this process."""


def locate(address: str, settings: Settings) -> Location | None:
    """Where the address is; None: it is not known, or there is no database, which the health check tells."""
    path = path_of(settings)
    return PLACES.find(path, address) if path else None


LOCATOR = Locator("database", locate)

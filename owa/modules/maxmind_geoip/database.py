"""Opens a database file. It comes from elsewhere: whatever is wrong with it, callers get `NoDatabase` at most."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from owa.module_api import UsageError

if TYPE_CHECKING:
    from maxminddb import Reader

REMEDY = (
    "Get a database with cities from maxmind.com (GeoLite2 City) or db-ip.com (IP to City Lite), unpack it, and write "
    "the path of the .mmdb file into the module's settings, at Settings > Modules."
)

Signature = tuple[int, ...]
"""Of a file: another one means that there is something else in it, or that it may be readable now."""


class NoDatabase(UsageError):
    """There is no file, or it is no database."""


@dataclass(frozen=True, slots=True)
class About:
    """What a database says of itself."""

    type: str
    """Such as `GeoLite2-City`."""
    built: int | None
    """Seconds since the Unix epoch; None: it does not say."""
    networks: int
    """It knows no more than that."""


def signature_of(path: Path) -> Signature:
    """Raises `NoDatabase` when there is no such file."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise NoDatabase(f"There is no {path}: visitors have no location.", REMEDY) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would never end
        raise NoDatabase(f"{path} is no file.", "Name the .mmdb file itself.")
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def open_database(path: Path) -> "Reader":
    """To be closed. Raises `NoDatabase`."""
    import maxminddb  # cron imports all modules, and few need it

    signature_of(path)
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        # It is read, not mapped into memory, which is faster: who overwrites a mapped file kills the process.
        return maxminddb.open_database(path, maxminddb.MODE_FILE)
    except Exception as error:  # whatever a damaged file leads to
        raise NoDatabase(f"{path} is no MaxMind database, or it is damaged.", f"Replace it. {REMEDY}") from error


@contextmanager
def opened(path: Path) -> Iterator["Reader"]:
    """Opens the database for the length of a block. Raises `NoDatabase`."""
    reader = open_database(path)
    try:
        yield reader
    finally:
        reader.close()


def look_up(reader: "Reader", path: Path, address: str) -> Any:
    """What the database has for an address; None: nothing. Raises `NoDatabase` when it is damaged."""
    try:
        if ":" in address and reader.metadata().ip_version == 4:
            return None
        return reader.get(address)
    except Exception as error:  # whatever a damaged file leads to
        raise NoDatabase(f"{path} is damaged ({error or type(error).__name__}).", f"Replace it. {REMEDY}") from error


def about(reader: "Reader") -> About:
    """What it says of itself, which may be anything."""
    said = reader.metadata()
    built = said.build_epoch if isinstance(said.build_epoch, int) and 0 < said.build_epoch < 2**40 else None
    return About(str(said.database_type)[:100], built, said.node_count + 1)


def _unreadable(path: Path, error: OSError | ValueError) -> NoDatabase:
    reason = getattr(error, "strerror", None) or str(error)
    return NoDatabase(f"{path} cannot be read: {reason}.", "Let the user that OWA runs as read it, and its folder.")

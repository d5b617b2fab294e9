"""The configuration as one process sees it: an in-memory snapshot, refreshed off the request path.

With the database away, tracking goes on with the last snapshot; a process that starts meanwhile takes the last good
copy from the data folder.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from owa.contributions import Configuration, Site
from owa.db import configuration as stored
from owa.db.configuration import StoredConfiguration, StoredSite
from owa.db.engine import Database
from owa.db.modules import Switch
from owa.errors import DatabaseUnavailable
from owa.files import give_to_folder_owner
from owa.registry import Loaded, Registry, judged, load
from owa.settings import Setting, Settings, resolve

logger = logging.getLogger(__name__)

COPY = "configuration.json"
"""The file of the last good copy."""

UNKNOWN = -1
"""A generation that is never stored: the database is read as soon as it is there."""

REFRESH_INTERVAL = 1.0
"""Seconds between two looks at the stored generation."""


class ConfigurationKeeper:
    """Keeps the snapshot. Reading it is reading an attribute; all else happens in a thread of its own."""

    def __init__(
        self,
        database: Database,
        core: Iterable[Setting[Any]],
        environment: Mapping[str, str],
        ini: Mapping[str, str],
        folder: Path,
        registry: Registry | None = None,
        load: Callable[[Mapping[str, Switch]], Registry] = load,
    ) -> None:
        """`core`: the settings that no module declares. `registry`: what is on by default, if that is loaded already.
        `load`: loads what is on. Raises `SettingsError` when the environment or the ini file is wrong."""
        self._database = database
        self._core = tuple(core)
        self._load = load
        self._environment = environment
        self._ini = ini
        self._copy = folder / COPY
        self._signal = folder / "configuration.generation"
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._signalled = self._signal_time()
        self._is_stale = False
        self._listeners: list[Callable[[], None]] = []
        self._tasks: list[Callable[[], None]] = []
        self._registry = registry or load({})
        self._current = self._resolve(StoredConfiguration(UNKNOWN, {}, ()), self._registry)
        if not self.refresh():
            self._read_copy()

    def current(self) -> Configuration:
        """The snapshot."""
        return self._current

    @property
    def registry(self) -> Registry:
        """What the modules that are on contribute."""
        return self._registry

    @property
    def declared(self) -> tuple[Setting[Any], ...]:
        """All settings: the core's, and those of the modules that are on."""
        return (*self._core, *self._registry.settings)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, in the thread that has noticed it."""
        self._listeners.append(listener)

    def every_second(self, task: Callable[[], None]) -> None:
        """Call `task` in the thread that refreshes, after each look."""
        self._tasks.append(task)

    def refresh(self) -> bool:
        """Take in what changed; False when the database is away."""
        with self._lock:
            self._signalled = self._signal_time()
            try:
                with self._database.reading() as connection:
                    if not self._is_stale and self._is_current(connection):
                        return True
                    found = stored.read(connection)
            except DatabaseUnavailable as error:
                logger.debug("The configuration was not refreshed: %s", error)
                return False
            self._take_in(found)
            self._write_copy(found)
            return True

    def _is_current(self, connection: Connection) -> bool:
        """Whether nothing has changed. Before anything was taken in, that need not be asked."""
        known = self._current.generation
        return known != UNKNOWN and stored.generation(connection) == known

    def reload(self) -> bool:
        """Load the modules anew: what has kept one from working is over. False when the database is away: then it is
        done at a later look."""
        self._is_stale = True
        return self.refresh()

    def _take_in(self, found: StoredConfiguration) -> None:
        same = dict(found.modules) == dict(self._current.modules) and not self._is_stale
        registry = self._registry if same else self._load(found.modules)
        current = self._resolve(found, registry)
        self._current, self._registry = current, judged(registry, current.settings, self._is_outdated)
        self._is_stale = False
        try:
            for listener in self._listeners:
                listener()
        except BaseException:
            self._current = replace(self._current, generation=UNKNOWN)  # the next look takes it in again
            raise

    def find_site(self, site_id: str) -> bool:
        """Whether a site is known, after a look at what was changed on this machine a moment ago. Costs a `stat`."""
        if site_id not in self._current.sites and self._signal_time() != self._signalled:
            self.refresh()
        return site_id in self._current.sites

    def signal_change(self) -> None:
        """Tell the other processes of this machine that the stored configuration has changed; take it in here."""
        with suppress(OSError):  # they notice within a second all the same
            self._signal.touch()
            give_to_folder_owner(self._signal)
        self.refresh()

    def start(self) -> None:
        """Refresh every second, in a thread of its own."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="owa-configuration", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(REFRESH_INTERVAL):
            for task in (self.refresh, *self._tasks):
                try:
                    task()
                except DatabaseUnavailable as error:
                    logger.debug("The configuration was not refreshed: %s", error)
                except Exception:
                    logger.exception("The configuration was not refreshed")

    def judge(self, registry: Registry, stored_settings: Mapping[str, str]) -> Registry:
        """Those modules, with what they would lack of settings. Raises `SettingsError` when what is set for one of them
        is wrong."""
        return judged(registry, self._settings(registry, stored_settings), lambda _: False)

    def _is_outdated(self, loaded: Loaded) -> bool:
        """With the database away: no. All is looked at again when it is back."""
        from owa.db.migrate import is_module_current  # few modules have migrations, and Alembic takes a while

        try:
            return loaded.migrations is not None and not is_module_current(
                self._database, loaded.name, loaded.migrations
            )
        except DatabaseUnavailable:
            return False

    def _settings(self, registry: Registry, found: Mapping[str, str]) -> Settings:
        return resolve(
            (*self._core, *registry.settings),
            environment=self._environment,
            ini=self._ini,
            stored=found,
            absent=registry.absent,
        )

    def _resolve(self, found: StoredConfiguration, registry: Registry) -> Configuration:
        settings = self._settings(registry, found.settings)
        sites = {site.site_id: Site(site.site_id, site.domain, site.settings) for site in found.sites}
        return Configuration(settings, sites, found.generation, found.modules, found.subscriptions)

    def _signal_time(self) -> int:
        try:
            return self._signal.stat().st_mtime_ns
        except OSError:
            return 0

    def _write_copy(self, found: StoredConfiguration) -> None:
        document = {
            "generation": found.generation,
            "settings": dict(found.settings),
            "modules": dict(found.modules),
            "subscriptions": dict(found.subscriptions),
            "sites": [
                {"site_id": site.site_id, "domain": site.domain, "settings": dict(site.settings)}
                for site in found.sites
            ],
        }
        draft = self._copy.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a full disk: the older copy stays
            draft.touch(0o640)  # secrets of modules are among the settings
            draft.write_bytes(orjson.dumps(document))
            give_to_folder_owner(draft)
            draft.replace(self._copy)

    def _read_copy(self) -> None:
        try:
            document = orjson.loads(self._copy.read_bytes())
            sites = tuple(StoredSite(site["site_id"], site["domain"], site["settings"]) for site in document["sites"])
            modules = {name: Switch(switch) for name, switch in document["modules"].items()}
            wanted = document.get("subscriptions", {})
            found = StoredConfiguration(UNKNOWN, document["settings"], sites, modules, wanted)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        self._take_in(found)
        logger.warning("The database is away: started with the last good copy of the configuration")

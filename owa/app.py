"""The composition root: collect what modules contribute, open what it needs, serve it.

Commands stop after "open": they never import Pyramid.
"""

import configparser
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from owa.assembly import Assembly
from owa.clock import Clock, SystemClock
from owa.configuration import COPY, ConfigurationKeeper
from owa.contexts import Contexts
from owa.db import configuration as stored
from owa.db import settings as db_settings
from owa.db.engine import Database
from owa.db.settings import DATA_DIR, DATABASE_URL, data_folder
from owa.delivery import settings as delivery_settings
from owa.errors import DatabaseUnavailable, NotInstalled, OwaError, SettingsError
from owa.exchange import settings as exchange_settings
from owa.exchange.settings import SERVER_NUMBER
from owa.files import make_folder, root_folder
from owa.isolation import Isolation
from owa.monitoring import settings as monitoring_settings
from owa.monitoring.ping import Ping
from owa.monitoring.settings import PING_URL
from owa.processing import settings as processing_settings
from owa.processing.pause import Pause
from owa.processing.processor import Processor
from owa.processing.runs import Runs
from owa.processing.store import HandlerTable
from owa.processors import PIN_WORKERS
from owa.queues import settings as queue_settings
from owa.queues.contract import RetryQueue
from owa.queues.settings import ASYNC_LOG_DIR, DURABILITY
from owa.queues.switched import SwitchedQueue
from owa.registry import Registry, load
from owa.settings import Setting, resolve, text
from owa.tracking import settings as tracking_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from owa.diagnosis import Folders, Scene
    from owa.health import Health

INI = text(
    "base.ini",
    default="development.ini",
    storable=False,
    help="The ini file that commands read. A relative path starts at the folder of cli.py.",
    label="Ini file",
    restart=True,
)

CORE_SETTINGS: tuple[Setting[Any], ...] = (
    INI,
    *db_settings.SETTINGS,
    *queue_settings.SETTINGS,
    *tracking_settings.SETTINGS,
    *exchange_settings.SETTINGS,
    *processing_settings.SETTINGS,
    *delivery_settings.SETTINGS,
    *monitoring_settings.SETTINGS,
    PIN_WORKERS,
)


@dataclass(frozen=True)
class Installation:
    """Everything that is open: what commands and views work with."""

    data_dir: Path
    queue_dir: Path
    database: Database
    configuration: ConfigurationKeeper
    handlers: HandlerTable
    incoming: SwitchedQueue
    retries: RetryQueue
    assembly: Assembly
    isolation: Isolation
    processor: Processor
    clock: Clock
    contexts: Contexts
    """What queues, handlers and modules are given, now."""
    ping: Ping

    @property
    def registry(self) -> Registry:
        """What the modules that are on contribute."""
        return self.configuration.registry

    @property
    def declared(self) -> tuple[Setting[Any], ...]:
        """All settings."""
        return self.configuration.declared

    @cached_property
    def health(self) -> "Health":
        """What the checks of modules find."""
        from owa.health import Health  # most commands never ask

        return Health(lambda: self.registry, self.isolation, self.contexts.module)

    def runs(self, caller: str) -> Runs:
        """Keeps a record of what `caller` (`scheduler`, `command` or `dashboard`) runs."""
        server = self.configuration.current().settings[SERVER_NUMBER]
        return Runs(self.database, self.clock, server, caller, self.ping.after)

    @property
    def folders(self) -> "Folders":
        """Where it is on this machine."""
        from owa.diagnosis import Folders  # most commands never ask

        return Folders(self.data_dir, self.queue_dir)

    def scene(self, next_guid: Callable[[], object], **asked: Any) -> "Scene":
        """For a diagnosis, now. `next_guid`: tries whether guids can be made."""
        from owa.diagnosis import Scene

        return Scene(self.folders, self, next_guid=next_guid, **asked)

    def close(self) -> None:
        """Let go of everything. Nothing is lost: whatever is queued stays queued."""
        self.configuration.stop()
        self.ping.close()
        self.assembly.close()
        self.database.close()


def open_installation(
    environment: Mapping[str, str] | None = None,
    ini: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    *,
    anew: bool = True,
    for_admin: bool = True,
) -> Installation:
    """Open the installation that environment and ini file describe (by default: of this process, and `OWA_INI`).

    Works with the database away. `anew`: make the folders where nothing is installed; else `NotInstalled` is raised
    then, and nothing is made. `for_admin`: False: what modules contribute for the admin may be missing. The database's
    file is made by `upgrade` alone. Raises `SettingsError`, `ModuleError` or `QueueUnavailable`.
    """
    environment = os.environ if environment is None else environment
    ini = read_ini(environment) if ini is None else ini
    clock = clock or SystemClock()
    load_modules = partial(load, for_admin=for_admin)
    registry = load_modules()
    declared = (*CORE_SETTINGS, *registry.settings)
    settings = resolve(declared, environment=environment, ini=ini, absent=registry.absent)
    data_dir = data_folder(settings)
    database = Database(settings[DATABASE_URL] or f"sqlite:///{data_dir / 'owa.db'}", makes_file=False)
    if not anew:
        _check_installed(database, data_dir)
    _make(data_dir)
    os.register_at_fork(after_in_child=database.forget_connections)
    configuration = ConfigurationKeeper(database, CORE_SETTINGS, environment, ini, data_dir, registry, load_modules)
    if configuration.current().settings[DURABILITY] == "fsync":  # which may be stored in the database
        database.survive_power_loss()
    queue_dir = root_folder() / (settings[ASYNC_LOG_DIR] or data_dir / "logs")
    isolation = Isolation(
        database, clock, lambda *switched: configuration.registry.can_spare(*switched), _record_breaker
    )
    return _assemble(Contexts(configuration, database, clock, queue_dir, isolation), data_dir)


def _assemble(contexts: Contexts, data_dir: Path) -> Installation:
    """The parts, each given those that it works with."""
    configuration, database, clock = contexts.configuration, contexts.database, contexts.clock
    assembly = Assembly(configuration, contexts.queue, clock)
    configuration.every_second(assembly.try_again)
    configuration.subscribe(assembly.apply)
    processor = Processor(
        database,
        assembly.handlers,
        assembly.retries,
        contexts.processing,
        clock,
        configuration.current().settings[SERVER_NUMBER],
        Pause(data_dir / "drain.paused", clock),
        assembly.incoming.put,
    )
    return Installation(
        data_dir=data_dir,
        queue_dir=contexts.folder,
        database=database,
        configuration=configuration,
        handlers=assembly.handlers,
        incoming=assembly.incoming,
        retries=assembly.retries,
        assembly=assembly,
        isolation=contexts.isolation,
        processor=processor,
        clock=clock,
        contexts=contexts,
        ping=Ping(lambda: configuration.current().settings[PING_URL]),
    )


def find_folders() -> "Folders":
    """Where this process's installation would be, whatever else is wrong with it. Raises `SettingsError`."""
    from owa.diagnosis import Folders

    wanted = (DATA_DIR, ASYNC_LOG_DIR)
    ini = read_ini(os.environ)
    written = {key: text for key, text in ini.items() if key in [setting.ini_name for setting in wanted]}
    chosen = {key: text for key, text in os.environ.items() if key in [one.environment_name for one in wanted]}
    settings = resolve(wanted, environment=chosen, ini=written)
    data_dir = data_folder(settings)
    return Folders(data_dir, root_folder() / (settings[ASYNC_LOG_DIR] or data_dir / "logs"))


def scene_without(error: OwaError) -> "Scene":
    """For a diagnosis of what cannot be opened. `error`: why."""
    from owa.diagnosis import Scene

    try:
        return Scene(find_folders(), error=error)
    except SettingsError:
        return Scene(None, error=error)


def serve(installation: Installation) -> "WSGIApplication":
    """The WSGI application, with its background threads running."""
    import owa.analytics.orders
    import owa.analytics.page_views  # now, and not while the first visitor waits  # noqa: F401
    from owa.views import make_wsgi_app

    application: WSGIApplication = make_wsgi_app(installation)
    return application


def read_ini(environment: Mapping[str, str]) -> dict[str, str]:
    """The `[app:main]` section of the ini file that `OWA_INI` names; empty when the default one does not exist.

    Raises `SettingsError` when the file cannot be read.
    """
    name = environment.get(INI.environment_name, "")
    path = root_folder() / (name or INI.default)
    if not path.exists() and not name:
        return {}
    parser = configparser.ConfigParser(defaults={"here": str(path.parent), "__file__": str(path)})
    try:
        with path.open() as file:
            parser.read_file(file)
        return dict(parser["app:main"]) if parser.has_section("app:main") else {}
    except (OSError, configparser.Error, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: the ini file cannot be read: {error}."]) from error


def _record_breaker(*what: Any) -> None:
    from owa.accounts import audit  # it is hoped that nothing breaks

    audit.record_breaker(*what)


def _check_installed(database: Database, data_dir: Path) -> None:
    """Something was read of the database once, or it is there: a server may be new to one that is not. Else raises
    `NotInstalled`."""
    try:
        has_folder, file = data_dir.exists(), database.file
        if (data_dir / COPY).exists() or (has_folder and (file is None or file.exists())):
            return
        is_gone = file is not None and not file.exists()
    except PermissionError:
        return  # what may not be looked at is told by whoever needs it
    if is_gone:
        raise NotInstalled(
            f"Nothing is installed here: there is no {file if has_folder else data_dir}.",
            "Run `python cli.py cmd=install`, or set OWA_DATA_DIR to where it is installed.",
        )
    try:
        with database.reading() as connection:
            stored.generation(connection)
    except DatabaseUnavailable as error:
        raise NotInstalled(f"There is no {data_dir} here. {error.message}", error.remedy) from error


def _make(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise SettingsError([f"OWA_DATA_DIR: {folder} cannot be made: {error.strerror}."]) from error

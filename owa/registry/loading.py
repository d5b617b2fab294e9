"""Loads one module: imports it, checks its hooks, and gathers what it contributes. Whatever it raises is its own."""

import importlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pluggy

from owa.contributions import Module
from owa.db.modules import Switch
from owa.errors import ModuleError, told
from owa.hookspecs import CONTRIBUTIONS, PROJECT, Hooks
from owa.registry.discovery import Found
from owa.registry.fields import check_fields
from owa.settings import did_you_mean

DRAINED = (Switch.DRAINING, Switch.HANDING_OVER, Switch.TRIPPED)
"""Switches of modules that are off, and whose queues are emptied."""

Contributed = dict[str, list[Any]]
"""What a module contributes, by the hooks' names."""


@dataclass(slots=True)
class Loaded:
    """A module, and what came of loading it."""

    found: Found
    is_on: bool
    switch: Switch | None = None
    """What somebody chose; None: nobody has."""
    said: Module | None = None
    """What it has said of itself, when it was loaded or later."""
    contributed: Contributed = field(default_factory=dict)
    error: str = ""
    """Why it does not work, in a sentence; empty when it does."""
    trace: str = ""
    lacks: tuple[str, ...] = ()
    """Labels of required settings that are empty: it is not called before they are set."""
    needs_migration: bool = False
    """Its tables are not what it wants: it is not called before its migrations have run."""
    migrations: Path | None = None
    """The folder of its migrations; None: it has none."""

    @property
    def name(self) -> str:
        return self.found.name

    @property
    def about(self) -> Module | None:
        """What it says of itself. None: it is off and a third party's, or broken. One of ours that is off is asked now:
        when it was loaded, it was not imported."""
        if self.said is None and self.found.is_built_in and not self.error and not self.is_wanted:
            self.said = _about(self.found, importlib.import_module(self.found.path))
        return self.said

    @property
    def is_missing(self) -> bool:
        """Somebody has switched it on, and its package is not installed any more."""
        return not self.found.path

    @property
    def works(self) -> bool:
        return self.is_on and not self.error

    @property
    def is_ready(self) -> bool:
        """Whether it is called: it works, and needs nothing before."""
        return self.works and not self.lacks and not self.needs_migration

    @property
    def is_draining(self) -> bool:
        """It is off, but what its queue holds is still to be processed, here or by the queue that follows it."""
        return self.switch in DRAINED and not self.error

    @property
    def requires(self) -> tuple[str, ...]:
        """Names of modules without which it does not work."""
        return self.about.requires if self.about else ()

    @property
    def is_wanted(self) -> bool:
        """Whether it would work, or be emptied, if it were not broken."""
        return self.is_on or self.switch in DRAINED

    def break_(self, error: str, trace: str = "", keeps: Collection[str] = ()) -> None:
        """It does not work: none of what it contributes counts, but by the hooks that `keeps` names."""
        self.error, self.trace = error, trace
        self.contributed = {hook: items for hook, items in self.contributed.items() if hook in keeps}


def missing_module(name: str, switch: Switch) -> Loaded:
    """In place of a module whose package is gone."""
    error = (
        f"The package that brings {name} is not installed. Install it again, or switch the module off. What its queue "
        "holds, and what its event handlers have not been given, is kept."
    )
    return Loaded(Found(name, "", is_built_in=False), switch is Switch.ON, switch, error=error)


def load_module(found: Found, switch: Switch | None, hooks: Collection[str] = CONTRIBUTIONS) -> Loaded:
    """A module is imported only when it is on, or draining. `hooks`: those that are asked."""
    loaded = Loaded(found, is_on=switch is Switch.ON or (switch is None and found.is_on), switch=switch)
    if not loaded.is_wanted:
        return loaded
    try:
        plugin = importlib.import_module(found.path)
        check_hooks(found, plugin)
        loaded.said = _about(found, plugin)
        loaded.migrations = _migrations(loaded.said, plugin)
        loaded.contributed = _contributed(found, plugin, hooks)
    except KeyboardInterrupt:
        raise
    except ModuleError as error:
        loaded.break_(str(error))
    except BaseException as error:  # a module may even call sys.exit
        loaded.break_(*told(error))
    return loaded


def check_hooks(found: Found, plugin: object) -> None:
    """Raises `ModuleError` for a hook that does not exist, or that is called otherwise than the module thinks."""
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(Hooks)
    _check_options(found, plugins, plugin)
    try:
        plugins.register(plugin, found.name)
        plugins.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [name for name in _marked(plugins, plugin) if not hasattr(Hooks, name)]
        hint = "".join(f" There is no hook {name}{did_you_mean(name, vars(Hooks))}" for name in unknown)
        raise ModuleError(f"The module {found.name} cannot be used: {error}.{hint}") from error


def _marked(plugins: pluggy.PluginManager, plugin: object) -> list[str]:
    return [name for name in dir(plugin) if plugins.parse_hookimpl_opts(plugin, name) is not None]


def _check_options(found: Found, plugins: pluggy.PluginManager, plugin: object) -> None:
    """A hook is found by its name, and called by itself: only whether it is optional makes a difference."""
    for name in _marked(plugins, plugin):
        for option, value in (plugins.parse_hookimpl_opts(plugin, name) or {}).items():
            if value and option != "optionalhook":
                raise ModuleError(
                    f"The function {name} of the module {found.name} has hookimpl({option}={value!r}), which OWA does "
                    "not know.",
                    "Name it as the hook, and mark it with hookimpl alone.",
                )


def _about(found: Found, plugin: Any) -> Module:
    about = plugin.owa_module() if hasattr(plugin, "owa_module") else None
    if not isinstance(about, Module):
        raise ModuleError(f"The module {found.name} has no hook owa_module that returns a Module.")
    if about.name != found.name:
        raise ModuleError(f"The module {found.name} calls itself {about.name}.", "Give both one name.")
    check_fields(found.name, about)
    return about


def _migrations(about: Module, plugin: Any) -> Path | None:
    if not about.migrations:
        return None
    folder = Path(plugin.__file__).parent / about.migrations
    if not folder.is_dir():
        raise ModuleError(f"The module {about.name} has no folder {about.migrations}.", "Its package lacks files.")
    return folder


def _contributed(found: Found, plugin: Any, hooks: Collection[str]) -> Contributed:
    contributed: Contributed = {}
    for hook in hooks:
        if not hasattr(plugin, hook):
            continue
        kind: type = resolve_name(CONTRIBUTIONS[hook])
        items = getattr(plugin, hook)()
        if not isinstance(items, list | tuple) or not all(isinstance(item, kind) for item in items):
            raise ModuleError(f"The hook {hook} of the module {found.name} must return a list of {kind.__name__}.")
        for item in items:
            check_fields(found.name, item)
        contributed[hook] = list(items)
    return contributed

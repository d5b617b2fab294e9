"""Which modules need something before they may be called: a setting, or a migration of their tables."""

from collections.abc import Callable
from dataclasses import replace

from owa.errors import told
from owa.registry.loading import Loaded
from owa.registry.registry import Registry
from owa.settings import Settings


def judged(registry: Registry, settings: Settings, is_outdated: Callable[[Loaded], bool]) -> Registry:
    """The same modules, with what they need now; the very same registry when nothing has changed of that.
    `is_outdated`: whether migrations of one are to be run; what it raises is that module's error."""
    modules = {name: _judged(loaded, settings, is_outdated) for name, loaded in registry.modules.items()}
    return registry if modules == registry.modules else Registry(modules)


def _judged(loaded: Loaded, settings: Settings, is_outdated: Callable[[Loaded], bool]) -> Loaded:
    if not loaded.works:
        return loaded
    declared = loaded.contributed.get("owa_settings", ())
    lacks = tuple(setting.label for setting in declared if settings.lacks(setting))
    now = replace(loaded, lacks=lacks)
    try:
        now.needs_migration = loaded.migrations is not None and is_outdated(loaded)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module's revisions are code of its own
        line, trace = told(error)
        now.break_(f"The migrations of {loaded.name} cannot be read: {line}", trace)
    return now

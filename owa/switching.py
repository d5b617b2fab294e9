"""Switching modules on and off: for the admin's page and the command line alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from owa.accounts import audit
from owa.accounts.audit import Actor
from owa.contributions import INCOMING, PROCESSING
from owa.db import configuration as stored
from owa.db.modules import Switch, store_subscriptions, switches
from owa.errors import ModuleError, SettingsError, UsageError
from owa.migrating import run_migrations
from owa.registry import CORE, DRAINED, Loaded, Registry, load, subscriptions_of
from owa.settings import did_you_mean

if TYPE_CHECKING:
    from owa.app import Installation

QUEUES = (INCOMING, PROCESSING)


@dataclass(frozen=True, slots=True)
class Switched:
    """What came of it."""

    name: str
    switch: Switch
    changed: bool
    """False: it was so already."""
    migrated: bool
    """Whether its tables were brought to its newest revision."""
    lacks: tuple[str, ...]
    """Settings that it needs before it is called."""

    @property
    def told(self) -> str:
        """A sentence on what else there is to know; empty: nothing."""
        tables = "Its tables are up to date. " if self.migrated else ""
        needs = f"It is not called before this is set: {', '.join(self.lacks)}." if self.lacks else ""
        return (tables + needs).strip()


def switch_on(installation: "Installation", name: str, actor: Actor) -> Switched:
    """Raises `UsageError` when it would not work, or when another module would not any more: nothing has changed."""
    name = known_name(_registry(installation), name)
    return _switch(installation, name, Switch.ON, actor)


def switch_off(installation: "Installation", name: str, actor: Actor, held: Switch = Switch.DRAINING) -> Switched:
    """Also to change what becomes of the events that the queue of a module holds. `held`: they are processed
    (`DRAINING`), moved to the queue that follows (`HANDING_OVER`), or left (`PARKED`). Raises `UsageError` when others
    need it, or when nobody would keep events."""
    registry = _registry(installation)
    name = known_name(registry, name)
    if dependents := [loaded.name for loaded in registry.modules.values() if loaded.works and name in loaded.requires]:
        raise UsageError(f"{', '.join(dependents)} requires {name}.", "Switch that off first.")
    loaded = registry.modules[name]
    return _switch(installation, name, held if _holds_events(loaded) else Switch.OFF, actor)


def known_name(registry: Registry, name: str) -> str:
    """The name of a module, also when it is spelled as in OWA (`remoteQueue`). Raises `UsageError`."""
    ours = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    names = [known for known in registry.modules if known != CORE]
    if ours not in names:
        raise UsageError(f"There is no module {name}{did_you_mean(ours, names)}", f"Modules: {', '.join(names)}.")
    return ours


def _registry(installation: "Installation") -> Registry:
    """As it is now: a package may have been installed since this process began."""
    return load(installation.configuration.current().modules)


def _switch(installation: "Installation", name: str, switch: Switch, actor: Actor) -> Switched:
    """Modules are loaded, and all is checked, before the transaction: an import may take its time. When somebody else
    has switched meanwhile, all over again."""
    while True:
        with installation.database.reading() as connection:
            chosen, settings = switches(connection), stored.read(connection).settings
        before = load(chosen)
        after = _judged(installation, load({**chosen, name: switch}), settings)
        _check(before, after, name, switch)
        was_on = before.modules[name].is_on
        changed = was_on != (switch is Switch.ON) or chosen.get(name, switch) != switch
        old = chosen.get(name) or ("on" if was_on else "off")
        module = after.modules.get(name) or before.modules[name]  # it is no more when its package is missing
        wanted = Switched(name, switch, changed, False, module.lacks)
        if done := _store(installation, chosen, module, wanted, old, actor):
            if done.changed or done.migrated:
                installation.configuration.signal_change()
            return done


def _store(
    installation: "Installation", chosen: Mapping[str, Switch], module: Loaded, wanted: Switched, old: str, actor: Actor
) -> Switched | None:
    """None: `chosen` does not hold any more."""
    now = installation.clock.now()
    with installation.database.writing() as connection:
        if switches(connection) != chosen:
            return None
        migrated = wanted.switch is Switch.ON and run_migrations(installation, connection, module, actor)
        if wanted.switch is Switch.ON:
            settings = installation.configuration.current().settings
            store_subscriptions(connection, wanted.name, subscriptions_of(module, settings))
        if wanted.changed or migrated:
            stored.store_switch(connection, wanted.name, wanted.switch, actor.user_id, now)
        if wanted.changed:
            states = {"state": str(old)}, {"state": wanted.switch.value}
            audit.record(connection, actor, now, "switch module", wanted.name, *states)
    return replace(wanted, migrated=migrated)


def _judged(installation: "Installation", after: Registry, settings: Mapping[str, str]) -> Registry:
    """With what the modules lack of settings. What they need of migrations is done when they are switched on."""
    try:
        return installation.configuration.judge(after, settings)
    except SettingsError as error:
        raise UsageError(str(error), "Mend that in the environment or the ini file first.") from error


def _check(before: Registry, after: Registry, name: str, switch: Switch) -> None:
    if switch is Switch.ON and after.modules[name].error:
        error = after.modules[name].error
        raise UsageError(error if name in error else f"{name} cannot be used: {error}")
    for loaded in after.modules.values():
        if loaded.error and not before.modules[loaded.name].error:
            raise UsageError(loaded.error)
    if queue := unserved(after):
        raise UsageError(f"{name} is the only module that serves the queue {queue}.", "Switch on another one first.")


def unserved(registry: Registry) -> str:
    """The name of a queue that no module serves; empty: there is none."""
    for queue in QUEUES:
        try:
            registry.owner(queue)
        except ModuleError:
            return queue
    return ""


def _holds_events(loaded: Loaded) -> bool:
    """Whether there is a queue of it. One that is parked, or broken, says nothing of itself any more. Of one that is
    missing nobody could do anything with the events."""
    if loaded.is_missing:
        return False
    bindings = loaded.contributed.get("owa_queue_bindings", ())
    return loaded.switch in (*DRAINED, Switch.PARKED) or any(one.queue == INCOMING for one in bindings)

"""Contradictions between modules: each is held against the modules that it is about, by name, and nobody else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from owa.contributions import QueueBinding
from owa.registry.loading import Loaded
from owa.settings import did_you_mean
from owa.version import VERSION

Modules = Mapping[str, Loaded]

NAMED = ("owa_queue_types", "owa_retry_queue_types", "owa_settings")
"""Hooks whose contributions need names of their own."""


def check_versions(modules: Modules) -> None:
    """Break what needs a newer OWA."""
    for loaded in _working(modules):
        needed = loaded.about.needs_owa if loaded.about else ""
        if needed and _version(needed) > _version(VERSION):
            loaded.break_(f"{loaded.name} needs OWA {needed}, and this is {VERSION}. Update OWA.")


def check_requirements(modules: Modules) -> None:
    """Break what requires a module that does not work, and what requires that in turn."""
    while broken := [(loaded, missing) for loaded in _working(modules) if (missing := _missing(loaded, modules))]:
        for loaded, missing in broken:
            if missing in modules:
                loaded.break_(f"{loaded.name} requires the module {missing}, which is off or broken. Mend that first.")
            else:
                loaded.break_(f"{loaded.name} requires the module {missing}{did_you_mean(missing, modules)}")


def check_names(modules: Modules) -> None:
    """Break modules that contribute something under a name that an earlier one has; the core's names are the core's."""
    for hook in NAMED:
        owners: dict[str, Loaded] = {}
        for loaded in _working(modules):
            for item in loaded.contributed.get(hook, ()):
                owner = owners.setdefault(item.name, loaded)
                if owner is not loaded:
                    what = hook.removeprefix("owa_").removesuffix("s").replace("_", " ")
                    loaded.break_(f"Both {owner.name} and {loaded.name} contribute a {what} named {item.name}.")
                    break


def check_bindings(modules: Modules) -> None:
    """One override replaces the default of a queue; of two, neither counts, and both are told."""
    overriding: dict[str, list[Loaded]] = defaultdict(list)
    for loaded in _working(modules):
        for binding in _bindings(loaded):
            if binding.override:
                overriding[binding.queue].append(loaded)
    for queue, rivals in overriding.items():
        if len(rivals) > 1:
            names = " and ".join(sorted({loaded.name for loaded in rivals}))
            for loaded in rivals:
                loaded.break_(f"{names} both want to be the queue {queue}. Switch one of them off.")


def _working(modules: Modules) -> list[Loaded]:
    return [loaded for loaded in modules.values() if loaded.works]


def _missing(loaded: Loaded, modules: Modules) -> str:
    requires = loaded.about.requires if loaded.about else ()
    return next((name for name in requires if name not in modules or not modules[name].works), "")


def _bindings(loaded: Loaded) -> Iterable[QueueBinding]:
    return loaded.contributed.get("owa_queue_bindings", ())


def _version(text: str) -> tuple[int, ...]:
    """The numbers of a version; `0.2` is less than `0.2.1`."""
    return tuple(int(part) for part in text.split(".") if part.isdecimal())

"""Contradictions between modules: each is held against the modules that it is about, by name, and nobody else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from owa.contributions import INCOMING, PROCESSING, QueueBinding
from owa.db.jobs import JOBS
from owa.registry.discovery import CORE
from owa.registry.loading import Loaded
from owa.settings import Kind, Setting, did_you_mean
from owa.version import VERSION

Modules = Mapping[str, Loaded]

NAMED = ("owa_queue_types", "owa_retry_queue_types", "owa_settings", "owa_jobs", "owa_commands")
"""Hooks whose contributions need names of their own."""

LONGEST_HANDLER = 255
"""Characters of a module's name and an event handler's name together."""
RESERVED = {
    "owa_jobs": frozenset(JOBS),
    "owa_commands": frozenset(
        (
            "activate",
            "add-site",
            "change-password",
            "deactivate",
            "diagnose",
            "generate-traffic",
            "help",
            "install",
            "pause",
            "processEventQueue",
            "queue-status",
            "rebuild-sessions",
            "resume",
            "verify-ledger",
        )
    ),
}
"""Names that are OWA's own, by hook."""

OURS_ONLY = {
    "owa_fact_handlers": "Use owa_event_handlers.",
    "owa_fact_families": "Use owa_event_handlers.",
    "owa_locators": "Use owa_preprocessing_steps: an event may bring its country, state and city.",
}
"""Hooks that run within the drain's transaction, which only modules that come with OWA may have; each with what others
do instead."""

QUEUES = {INCOMING: "owa_queue_types", PROCESSING: "owa_retry_queue_types"}
"""The queues that can be bound, each with the hook that brings its types."""


def check(modules: Modules) -> None:
    """Break what contradicts something, until nothing does: what breaks may take along what needs it."""
    checks = (
        check_versions,
        check_requirements,
        check_settings,
        check_reserved,
        check_names,
        check_types,
        check_bindings,
        check_ours_only,
        check_fact_handlers,
        check_event_handlers,
    )
    working = None
    while working != (working := len(_working(modules))):
        for one in checks:
            one(modules)


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


def check_reserved(modules: Modules) -> None:
    """Break modules that contribute something under a name of OWA's own."""
    for loaded in _working(modules):
        for hook, names in RESERVED.items():
            for item in loaded.contributed.get(hook, ()):
                if item.name in names:
                    loaded.break_(f"The {_kind(hook)} {item.name} of {loaded.name} has the name of one of OWA's own.")
                    break


def check_names(modules: Modules) -> None:
    """Break modules that contribute something under a name that is taken: by the core, by what is built in, by an
    earlier one, or by themselves."""
    for hook in NAMED:
        owners: dict[str, Loaded] = {}
        for loaded in sorted(_working(modules), key=lambda loaded: not loaded.found.is_built_in):
            for item in loaded.contributed.get(hook, ()):
                owner = owners.setdefault(item.name, loaded)
                if owner is not loaded:
                    loaded.break_(f"Both {owner.name} and {loaded.name} contribute a {_kind(hook)} named {item.name}.")
                    break


def check_settings(modules: Modules) -> None:
    """Break modules whose settings are not named after them: they could be somebody else's."""
    for loaded in modules.values():
        for setting in loaded.contributed.get("owa_settings", ()):
            if loaded.name != CORE and not setting.ini_name.startswith(f"owa.{loaded.name}."):  # camelCase is the same
                loaded.break_(f"The setting {setting.name} of {loaded.name} must be called {loaded.name}.….")
                break


def check_types(modules: Modules) -> None:
    """Break modules that bind a queue which there is not, or to a type which no module has."""
    types = {
        queue: {item.name for loaded in _working(modules) for item in loaded.contributed.get(hook, ())}
        for queue, hook in QUEUES.items()
    }
    for loaded in _working(modules):
        for binding in _bindings(loaded):
            if binding.queue not in types:
                hint = did_you_mean(binding.queue, types)
                loaded.break_(f"{loaded.name} wants to be the queue {binding.queue}, which there is not{hint}")
            elif binding.type not in types[binding.queue]:
                hint = did_you_mean(binding.type, types[binding.queue])
                loaded.break_(f"{loaded.name} wants the queue type {binding.type}, which no module has{hint}")


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


def check_ours_only(modules: Modules) -> None:
    """Break modules of third parties that want to run in the drain's transaction."""
    for loaded in _working(modules):
        for hook, instead in OURS_ONLY.items():
            if loaded.contributed.get(hook) and not loaded.found.is_built_in:
                loaded.break_(
                    f"{loaded.name} has the hook {hook}, which only modules that come with OWA may have. {instead}"
                )


def check_fact_handlers(modules: Modules) -> None:
    """Break modules that handle a type of events that an earlier one handles."""
    owners: dict[str, Loaded] = {}
    for loaded in _working(modules):
        kinds = [kind for item in loaded.contributed.get("owa_fact_handlers", ()) for kind in sorted(item.event_types)]
        kinds += [family.event_type for family in loaded.contributed.get("owa_fact_families", ())]
        for kind in kinds:
            owner = owners.setdefault(kind, loaded)
            if owner is not loaded or kinds.count(kind) > 1:
                loaded.break_(f"Both {owner.name} and {loaded.name} have a fact handler for events of type {kind}.")
                break


def check_event_handlers(modules: Modules) -> None:
    """Break modules whose event handlers cannot be told apart: what is to be delivered is kept under their names. And
    those that want the event types of a setting that is none of theirs, or that holds no words."""
    for loaded in _working(modules):
        handlers = loaded.contributed.get("owa_event_handlers", ())
        for kinds in (item.event_types for item in handlers if isinstance(item.event_types, Setting)):
            if kinds not in loaded.contributed.get("owa_settings", ()) or kinds.kind is not Kind.LIST:
                loaded.break_(
                    f"{loaded.name} has an event handler whose event_types are the setting {kinds.name}. It must be "
                    "one of words, and contributed by owa_settings."
                )
        names = [item.name for item in handlers]
        for name in names:
            if not name or not name.isprintable() or len(f"{loaded.name}:{name}") > LONGEST_HANDLER:
                loaded.break_(f"{loaded.name} has an event handler named {name!a:.99}. Give it a short, readable name.")
            elif names.count(name) > 1:
                loaded.break_(f"{loaded.name} has two event handlers named {name}. Give each a name of its own.")


def _kind(hook: str) -> str:
    """What a hook gives, in words."""
    return hook.removeprefix("owa_").removesuffix("s").replace("_", " ")


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

"""Settings > Modules: what there is, what it does, whether it works; switching on and off."""

from dataclasses import dataclass
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts.roles import Capability
from owa.admin_contributions import AdminPage
from owa.clock import MICROSECONDS
from owa.db.modules import StoredModule, Switch, processes, stored_modules
from owa.errors import UsageError
from owa.health import BROKEN, Finding
from owa.hookspecs import CONTRIBUTIONS
from owa.presence import GONE
from owa.registry import CORE, Loaded, Registry, discover
from owa.switching import switch_off, switch_on
from owa.views.flash import flash
from owa.views.security import actor_of

HELD = {
    Switch.DRAINING: "process what it holds",
    Switch.HANDING_OVER: "hand over what it holds",
    Switch.PARKED: "leave what it holds",
}
"""What can become of the events in the queue of a module that is off."""


NEEDS_MIGRATION = "needs a migration"


@dataclass(frozen=True, slots=True)
class Line:
    """A module, for the eye."""

    loaded: Loaded
    stored: StoredModule | None
    required_by: list[str]
    contributes: list[str]
    slowest: tuple[float, str] | None
    """Of its calls in this process: seconds, and what it was."""
    pages: list[AdminPage]
    findings: list[Finding]
    """Of its checks."""
    held: str
    """What its queue holds, as far as this server knows; empty: it has none that is open."""

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def title(self) -> str:
        return self.loaded.about.title if self.loaded.about else self.name

    @property
    def group(self) -> str:
        return self.loaded.about.group if self.loaded.about else "Others"

    @property
    def version(self) -> str:
        return self.loaded.about.version if self.loaded.about else self.loaded.found.version

    @property
    def author(self) -> str:
        return self.loaded.about.author if self.loaded.about else self.loaded.found.author

    @property
    def description(self) -> str:
        return self.loaded.about.description if self.loaded.about else self.loaded.found.description

    @property
    def state(self) -> str:
        if self.loaded.error:
            return "broken"
        if self.loaded.works and not self.loaded.is_ready:
            return NEEDS_MIGRATION if self.loaded.needs_migration else "needs configuration"
        if self.loaded.is_on:
            return "failing" if self.stored and self.stored.is_failing else "on"
        return str(self.loaded.switch or "off")

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What can be made of it: a switch, and the words for it."""
        if self.loaded.is_on or self.loaded.error:
            held = [(switch.value, f"Switch off, {words}") for switch, words in HELD.items()]
            off = held if self.keeps_events else [(Switch.OFF.value, "Switch off")]
            migrate = [(Switch.ON.value, "Migrate its tables")] if self.state == NEEDS_MIGRATION else []
            return [*migrate, *off]
        now = Switch.DRAINING if self.loaded.switch is Switch.TRIPPED else self.loaded.switch
        others = HELD if now in HELD else {}
        held = [(switch.value, words.capitalize()) for switch, words in others.items() if switch is not now]
        return [(Switch.ON.value, "Switch on"), *held]

    @property
    def has_settings(self) -> bool:
        return bool(self.loaded.contributed.get("owa_settings"))

    @property
    def keeps_events(self) -> bool:
        """Whether switching it off raises the question what becomes of those that its queue holds."""
        return self.loaded.works and bool(self.loaded.contributed.get("owa_queue_types"))


@view_defaults(route_name="modules", renderer="admin/modules.jinja2", permission=Capability.EDIT_MODULES, http_cache=0)
class Modules:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page()

    @view_config(request_method="POST")
    def switch(self) -> dict[str, Any] | Response:
        form = self._request.POST
        name, actor = form.get("module", ""), actor_of(self._request)
        try:
            wanted = _wanted(form.get("switch", ""))
            if wanted is Switch.ON:
                switched = switch_on(self._installation, name, actor)
            else:
                held = wanted if wanted in HELD else Switch.DRAINING
                switched = switch_off(self._installation, name, actor, held)
        except UsageError as error:
            self._request.response.status_int = 409
            return self._page(str(error))
        told = f"{switched.name} is {switched.switch.replace('-', ' ')}. {switched.told}".rstrip()
        flash(self._request, f"{told} All processes follow within seconds.")
        return HTTPSeeOther(self._request.route_path("modules"))

    def _page(self, problem: str = "") -> dict[str, Any]:
        now = self._installation.clock.now()
        with self._installation.database.reading() as connection:
            stored = stored_modules(connection)
            alive = processes(connection, now - GONE * MICROSECONDS)
        registry: Registry = self._installation.configuration.registry
        slowest = self._installation.isolation.slowest()
        findings = self._installation.health.problems()
        held = {name: _events(count) for name, count in self._installation.assembly.held().items()}
        lines = [
            Line(
                loaded,
                stored.get(loaded.name),
                _required_by(registry, loaded.name),
                _contributes(loaded),
                slowest.get(loaded.name),
                [page for module, page in registry.pages if module == loaded.name],
                [one for one in findings if one.module == loaded.name and one.check != BROKEN],
                held.get(loaded.name, ""),
            )
            for loaded in (*registry.modules.values(), *_installed_since(registry))
            if loaded.name != CORE
        ]
        groups = {group: [line for line in lines if line.group == group] for group in sorted({x.group for x in lines})}
        generation = self._installation.configuration.current().generation
        return {"groups": groups, "processes": alive, "generation": generation, "problem": problem}


def _wanted(word: str) -> Switch:
    """Raises `UsageError`."""
    try:
        return Switch(word)
    except ValueError:
        raise UsageError("Which way to switch it?") from None


def _events(count: int | None) -> str:
    if count is None:
        return "it cannot say what"
    return ("nothing" if not count else "1 event" if count == 1 else f"{count} events") + ", on this server"


def _installed_since(registry: Registry) -> list[Loaded]:
    """What this process has not loaded."""
    return [Loaded(found[0], is_on=False) for name, found in discover().items() if name not in registry.modules]


def _required_by(registry: Registry, name: str) -> list[str]:
    return [other.name for other in registry.modules.values() if other.about and name in other.about.requires]


def _contributes(loaded: Loaded) -> list[str]:
    """In words, such as `queue type: file`."""
    words = []
    for hook in CONTRIBUTIONS:
        for item in loaded.contributed.get(hook, ()):
            kind = hook.removeprefix("owa_").removesuffix("s").replace("_", " ")
            words.append(f"{kind}: {_name(item)}")
    return words


def _name(item: Any) -> str:
    if hasattr(item, "queue"):
        return f"{item.queue} by {item.type}" + (", instead of the default" if item.override else "")
    return str(
        getattr(item, "name", "") or getattr(item, "title", "") or ", ".join(sorted(getattr(item, "event_types", ())))
    )

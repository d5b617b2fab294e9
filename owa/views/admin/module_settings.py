"""The settings of a module: a form made from what it declares."""

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts.roles import Capability
from owa.admin_contributions import ModuleContext
from owa.errors import OwaError, UsageError
from owa.registry import CORE, Loaded
from owa.settings import Setting
from owa.views.flash import flash
from owa.views.forms.form import Form
from owa.views.forms.saving import current_form, save, saved


@view_defaults(
    route_name="module", renderer="admin/module_settings.jinja2", permission=Capability.EDIT_MODULES, http_cache=0
)
class ModuleSettings:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        loaded = self._module()
        return self._page(loaded, current_form(self._request, self._settings(loaded)))

    @view_config(request_method="POST", request_param="test")
    def test(self) -> dict[str, Any] | Response:
        """Try whether what is saved works."""
        loaded = self._module()
        try:
            told = self._run_test(loaded.name, self._request.POST["test"])
        except OwaError as error:
            self._request.response.status_int = 409
            return self._page(loaded, current_form(self._request, self._settings(loaded)), str(error))
        flash(self._request, told)
        return HTTPSeeOther(self._request.route_path("module", name=loaded.name))

    @view_config(request_method="POST")
    def save(self) -> dict[str, Any] | Response:
        loaded = self._module()
        form = save(self._request, self._settings(loaded), f"module {loaded.name}")
        if form.problems:
            self._request.response.status_int = 400
            return self._page(loaded, form)
        flash(self._request, saved(form))
        return HTTPSeeOther(self._request.route_path("module", name=loaded.name))

    def _page(self, loaded: Loaded, form: Form, problem: str = "") -> dict[str, Any]:
        return {
            "title": loaded.about.title if loaded.about else loaded.name,
            "form": form,
            "problem": problem,
            "tests": self._installation.registry.tests(loaded.name),
            "lacks": self._installation.registry.modules[loaded.name].lacks,
        }

    def _run_test(self, module: str, title: str) -> str:
        for test in self._installation.registry.tests(module):
            if test.title == title:
                context = self._installation.contexts.module()
                told: str = self._installation.isolation.run(module, f"test {title}", _told, test.run, context)
                return told
        raise UsageError("There is no such test.", "Fill in what is needed, and save it.")

    def _module(self) -> Loaded:
        """A module that is on and has settings."""
        name = self._request.matchdict["name"]
        loaded: Loaded | None = self._installation.configuration.registry.modules.get(name)
        if loaded is None or name == CORE or not self._settings(loaded):
            raise HTTPNotFound
        return loaded

    def _settings(self, loaded: Loaded) -> list[Setting[Any]]:
        """Those that the module declares, and those of its name that the core does: it needs them without the module
        too."""
        own = loaded.contributed.get("owa_settings", ())
        core = [one for one in self._installation.declared if one.ini_name.startswith(f"owa.{loaded.name}.")]
        return [setting for setting in (*own, *(one for one in core if one not in own)) if own and setting.storable]


def _told(run: Callable[[ModuleContext], str], context: ModuleContext) -> str:
    told = run(context)
    if not isinstance(told, str):
        raise TypeError(f"A test ends with a sentence, not {type(told).__name__}.")
    return told

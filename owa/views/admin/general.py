"""General settings: all that are no module's."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts.roles import Capability
from owa.db.settings import DATABASE_URL
from owa.exchange.settings import RECEIVING
from owa.settings import Setting
from owa.views.flash import flash
from owa.views.forms.field import field_of
from owa.views.forms.form import Form
from owa.views.forms.saving import current_form, save, saved

CORE = "base."
"""How the names of settings begin that are no module's."""


@view_defaults(route_name="general", renderer="admin/general.jinja2", permission=Capability.EDIT_SETTINGS, http_cache=0)
class General:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page(current_form(self._request, self._settings(storable=True)))

    @view_config(request_method="POST")
    def save(self) -> dict[str, Any] | Response:
        form = save(self._request, self._settings(storable=True), "General")
        if form.problems:
            self._request.response.status_int = 400
            return self._page(form)
        flash(self._request, saved(form))
        return HTTPSeeOther(self._request.route_path("general"))

    def _page(self, form: Form) -> dict[str, Any]:
        settings = self._installation.configuration.current().settings
        return {
            "form": form,
            "outside": [field_of(setting, settings) for setting in self._settings(storable=False)],
            # Where it is by default depends on the data folder. A URL's query may hold a password too.
            "effective": {
                DATABASE_URL.name: self._installation.database.url.set(query={}).render_as_string(hide_password=True)
            },
        }

    def _settings(self, *, storable: bool) -> list[Setting[Any]]:
        declared = [setting for setting in self._installation.declared if setting not in RECEIVING]
        return [setting for setting in declared if setting.name.startswith(CORE) and setting.storable is storable]

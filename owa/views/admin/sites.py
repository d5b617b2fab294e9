"""Sites: the list of those that the visitor sees, and adding one."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.db import configuration as stored
from owa.db.configuration import StoredSite
from owa.views.admin.site_fields import DOMAIN, add_form, as_changed
from owa.views.flash import flash
from owa.views.forms.form import Form
from owa.views.security import actor_of


@view_defaults(route_name="sites", renderer="admin/sites.jinja2", http_cache=0)
class Sites:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET", permission=Capability.VIEW_SITE_LIST)
    def show(self) -> dict[str, Any]:
        return self._page(add_form())

    @view_config(request_method="POST", permission=Capability.EDIT_SITES)
    def add(self) -> dict[str, Any] | Response:
        form = add_form().filled(self._request.POST.items())
        if not form.problems:
            form = self._add(form)
        if form.problems:
            self._request.response.status_int = 400
            return self._page(form)
        self._installation.configuration.signal_change()
        domain = form.texts[DOMAIN.name]
        flash(self._request, f"{domain} is registered. Paste its tag into its pages.")
        return HTTPSeeOther(self._request.route_path("site", site_id=stored.site_id_of(domain)))

    def _add(self, form: Form) -> Form:
        domain = form.texts[DOMAIN.name]
        site = as_changed(StoredSite(stored.site_id_of(domain), domain, {}), form.texts)
        with self._installation.database.writing() as connection:
            if not stored.add_site(connection, domain):
                return form.with_problem(DOMAIN.name, "is registered already")
            stored.change_site(connection, site)
            now = self._installation.clock.now()
            audit.record(connection, actor_of(self._request), now, "add site", domain, {}, form.after)
        return form

    def _page(self, form: Form) -> dict[str, Any]:
        user = self._request.identity.user
        with self._installation.database.reading() as connection:
            sites = stored.read(connection).sites
        return {
            "sites": sorted((site for site in sites if user.sees(site.site_id)), key=_order),
            "form": form,
            "may_edit": user.may(Capability.EDIT_SITES),
        }


def _order(site: StoredSite) -> str:
    """By what the list calls them."""
    return (site.name or site.domain).casefold()

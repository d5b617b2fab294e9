"""One site: its tag, and a form to change it."""

from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from sqlalchemy import Connection

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.analytics import goals
from owa.db import configuration as stored
from owa.db.configuration import StoredSite
from owa.tracking.tag import tag
from owa.views.admin.site_fields import as_changed, change_form
from owa.views.flash import flash
from owa.views.forms.form import Form
from owa.views.security import actor_of


@view_defaults(route_name="site", renderer="admin/site.jinja2", http_cache=0)
class OneSite:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET", permission=Capability.VIEW_SITE_LIST)
    def show(self) -> dict[str, Any]:
        with self._installation.database.reading() as connection:
            site = seen_site(self._request, connection)
        return self._page(site, change_form(site))

    @view_config(request_method="POST", permission=Capability.EDIT_SITES)
    def change(self) -> dict[str, Any] | Response:
        with self._installation.database.writing() as connection:
            site = seen_site(self._request, connection)
            form = change_form(site).filled(self._request.POST.items())
            if form.changes and not form.problems:
                self._store(connection, site, form)
        if form.problems:
            self._request.response.status_int = 400
            return self._page(site, form)
        self._installation.configuration.signal_change()
        flash(self._request, f"{site.domain}: saved." if form.changes else "Nothing was changed.")
        return HTTPSeeOther(self._request.route_path("site", site_id=site.site_id))

    def _store(self, connection: Connection, site: StoredSite, form: Form) -> None:
        stored.change_site(connection, as_changed(site, form.texts))
        now = self._installation.clock.now()
        audit.record(connection, actor_of(self._request), now, "change site", site.domain, form.before, form.after)

    def _page(self, site: StoredSite, form: Form) -> dict[str, Any]:
        settings = self._installation.configuration.current().settings
        return {
            "site": site,
            "form": form,
            "goals": len(goals.parse(site.settings.get(goals.SETTING, ""))),
            "tag": tag(self._request.application_url + "/", site.site_id, settings),
            "may_edit": self._request.identity.user.may(Capability.EDIT_SITES),
        }


def seen_site(request: Request, connection: Connection) -> StoredSite:
    """The site of the path. One that the visitor does not see is none for him."""
    site_id = request.matchdict["site_id"]
    site = stored.find_site(connection, site_id) if request.identity.user.sees(site_id) else None
    if site is None:
        raise HTTPNotFound
    return site

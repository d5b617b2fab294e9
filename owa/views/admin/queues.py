"""The dashboard: the queues, who drains them, and what became of events."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, view_config

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.contributions import INCOMING, PROCESSING
from owa.errors import DatabaseUnavailable
from owa.views.dashboard import dashboard, dashboard_away
from owa.views.errors import unavailable
from owa.views.flash import flash
from owa.views.security import actor_of, has_been_logged_in

PATIENCE = 1.0
"""Seconds that a request waits for the drain that it began: most are done by then."""


@view_config(
    route_name="queues",
    request_method="GET",
    renderer="admin/queues.jinja2",
    permission=Capability.VIEW_REPORTS,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    application = request.registry["owa"]
    sites = application.installation.configuration.current().sites
    user = request.identity.user
    return {
        "dashboard": dashboard(application, user.sees, shows_events=user.may(Capability.EDIT_MODULES)),
        "domains": {site.site_id: site.domain for site in sites.values()},
        "may_act": user.may(Capability.EDIT_MODULES),
        "sees_all": user.may(Capability.EDIT_SITES),
        "draining": application.drain_once.is_running(),
    }


@view_config(route_name="queues", request_method="POST", permission=Capability.EDIT_MODULES)
def drain_now(request: Request) -> Response:
    """Drain both queues once, in the background."""
    once, installation = request.registry["owa"].drain_once, request.registry["owa"].installation
    if not once.is_running():
        with installation.database.writing() as connection:
            queues = f"{INCOMING}, {PROCESSING}"
            audit.record(connection, actor_of(request), installation.clock.now(), "drain queues", queues)
    if once.start():
        outcome = once.outcome(PATIENCE)
        flash(request, " ".join(outcome) if outcome else "The drain goes on in the background: reload this page.")
    else:
        flash(request, "A drain that somebody began here is still under way: reload this page.")
    return HTTPSeeOther(request.route_path("queues"))


@exception_view_config(DatabaseUnavailable, route_name="queues", renderer="admin/queues_away.jinja2")
def away(error: DatabaseUnavailable, request: Request) -> dict[str, Any]:
    """What is known without the database, for browsers that a login was given to: nobody can look up more now."""
    page: dict[str, Any] = unavailable(error, request)
    if has_been_logged_in(request):
        return {"dashboard": dashboard_away(request.registry["owa"], error), "away": True}
    request.override_renderer = "error.jinja2"
    return page

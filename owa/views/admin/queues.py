"""The dashboard: what is wrong, the queues, the servers, the ledger, and what became of events."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, view_config

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.contributions import INCOMING, PROCESSING
from owa.errors import DatabaseUnavailable
from owa.scheduler.once import Once
from owa.views.charts import HOUR, SPANS
from owa.views.dashboard import dashboard, dashboard_away
from owa.views.errors import unavailable
from owa.views.flash import flash
from owa.views.security import actor_of, has_been_logged_in

PATIENCE = 1.0
"""Seconds that a request waits for the drain that it began: most are done by then."""


GUARDED: dict[str, Any] = {"permission": Capability.VIEW_REPORTS, "http_cache": 0}


@view_config(route_name="queues", request_method="GET", renderer="admin/queues.jinja2", **GUARDED)
@view_config(
    route_name="queues", request_method="GET", request_param="part", renderer="admin/_dashboard.jinja2", **GUARDED
)
def show(request: Request) -> dict[str, Any]:
    """The page; with the parameter `part` what is on it, which its script fetches again and again."""
    application = request.registry["owa"]
    sites = application.installation.configuration.current().sites
    user = request.identity.user
    span = SPANS.get(request.GET.get("span", ""), HOUR)
    return {
        "dashboard": dashboard(application, user, span),
        "now": application.installation.clock.now(),
        "span": span,
        "spans": SPANS,
        "domains": {site.site_id: site.domain for site in sites.values()},
        "may_act": user.may(Capability.EDIT_MODULES),
        "sees_all": user.may(Capability.EDIT_SITES),
        "draining": application.drain_once.is_running(),
        "verifying": application.verify_once.is_running(),
    }


@view_config(route_name="queues", request_method="POST", permission=Capability.EDIT_MODULES)
def drain_now(request: Request) -> Response:
    """Drain both queues once, in the background."""
    return _begin(request, request.registry["owa"].drain_once, "drain", "drain queues", f"{INCOMING}, {PROCESSING}")


@view_config(route_name="queues", request_method="POST", request_param="act=verify", permission=Capability.EDIT_MODULES)
def verify_now(request: Request) -> Response:
    """Verify the ledger once, in the background."""
    return _begin(request, request.registry["owa"].verify_once, "verification", "verify ledger", "Ledger")


def _begin(request: Request, once: Once, what: str, action: str, subject: str) -> Response:
    installation = request.registry["owa"].installation
    if not once.is_running():
        with installation.database.writing() as connection:
            audit.record(connection, actor_of(request), installation.clock.now(), action, subject)
    if once.start():
        outcome = once.outcome(PATIENCE)
        flash(request, " ".join(outcome) if outcome else f"The {what} goes on in the background: reload this page.")
    else:
        flash(request, f"A {what} that somebody began here is still under way: reload this page.")
    return HTTPSeeOther(request.route_path("queues"))


@exception_view_config(DatabaseUnavailable, route_name="queues", renderer="admin/queues_away.jinja2")
def away(error: DatabaseUnavailable, request: Request) -> dict[str, Any]:
    """What is known without the database, for browsers that a login was given to: nobody can look up more now."""
    page: dict[str, Any] = unavailable(error, request)
    if has_been_logged_in(request):
        return {"dashboard": dashboard_away(request.registry["owa"], error), "away": True}
    request.override_renderer = "error.jinja2"
    return page

"""Why does it not move? The chain that an event travels, and the first link of it that is broken."""

from typing import Any

from pyramid.request import Request
from pyramid.view import exception_view_config, view_config

from owa.accounts.roles import Capability
from owa.diagnosis import diagnose
from owa.errors import DatabaseUnavailable
from owa.views.errors import unavailable
from owa.views.security import has_been_logged_in


@view_config(
    route_name="diagnose",
    request_method="GET",
    renderer="admin/diagnose.jinja2",
    permission=Capability.EDIT_MODULES,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    verifies = request.GET.get("ledger") == "1"
    return {"diagnosis": diagnose(request.registry["owa"].scene(verifies_ledger=verifies))}


@exception_view_config(
    DatabaseUnavailable, route_name="diagnose", request_method="GET", renderer="admin/diagnose_away.jinja2"
)
def away(error: DatabaseUnavailable, request: Request) -> dict[str, Any]:
    """What is known without the database, for browsers that a login was given to."""
    page: dict[str, Any] = unavailable(error, request)
    if has_been_logged_in(request):
        return {"diagnosis": diagnose(request.registry["owa"].scene(outage=error))}
    request.override_renderer = "error.jinja2"
    return page

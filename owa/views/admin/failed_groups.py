"""Failed events by their errors."""

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from owa.accounts.roles import Capability

SHOWN = 50


@view_config(
    route_name="failed_groups",
    request_method="GET",
    renderer="admin/failed_groups.jinja2",
    permission=Capability.EDIT_MODULES,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    """The errors that events failed with, the latest first."""
    installation = request.registry["owa"].installation
    with installation.database.reading() as connection:
        groups = installation.retries.failed_groups(connection, SHOWN + 1)
    sites = installation.configuration.current().sites
    return {
        "groups": groups[:SHOWN],
        "has_more": len(groups) > SHOWN,
        "domains": {site.site_id: site.domain for site in sites.values()},
    }

"""The start page: what became of the last events, and what to do next."""

from typing import Any

from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from owa.queues.settings import QUEUE_EVENTS
from owa.tracking.tag import tag
from owa.views.journal import journal
from owa.views.loopback import is_from_this_machine


@view_config(route_name="start", renderer="start.jinja2", permission=NO_PERMISSION_REQUIRED, http_cache=0)
def start(request: Request) -> dict[str, Any]:
    if not is_from_this_machine(request):
        raise HTTPForbidden("This page is for the server's own users: open it at 127.0.0.1.")
    installation = request.registry["owa"].installation
    configuration = installation.configuration.current()
    base_url = request.application_url + "/"
    return {
        "journal": journal(installation),
        "asynchronous": configuration.settings[QUEUE_EVENTS],
        "sites": [(site, tag(base_url, site.site_id, configuration.settings)) for site in configuration.sites.values()],
        "domains": {site.site_id: site.domain for site in configuration.sites.values()},
    }

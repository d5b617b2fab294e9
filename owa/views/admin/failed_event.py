"""One failed event."""

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from owa.accounts.roles import Capability
from owa.errors import RecordError
from owa.events import LARGEST_ID, Event, loads
from owa.queues.contract import Failed
from owa.views.admin.failed import name_of
from owa.views.payload import pretty


@view_config(
    route_name="failed_event",
    request_method="GET",
    renderer="admin/failed_event.jinja2",
    permission=Capability.EDIT_MODULES,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    """Everything about it; `all`: long values too; `handler`: which event handler failed with it. 404 when it is not
    failed (any more)."""
    installation = request.registry["owa"].installation
    failed = _find(request)
    if failed is None:
        request.response.status_int = 404
        return {"failed": None, "guid": request.matchdict["guid"]}
    site = installation.configuration.current().sites.get(failed.site_id)
    text, has_cut = pretty(failed.payload, whole="all" in request.GET)
    return {
        "failed": failed,
        "name_of": name_of,
        "with_handler": {"handler": failed.handler} if failed.handler else {},
        "guid": request.matchdict["guid"],
        "event": _event(failed.payload),
        "domain": site.domain if site else "",
        "payload": text,
        "has_cut": has_cut,
    }


def _find(request: Request) -> Failed | None:
    installation, guid = request.registry["owa"].installation, int(request.matchdict["guid"])
    handler = request.GET.get("handler", "").replace("\0", "")
    if guid > LARGEST_ID:
        return None
    with installation.database.reading() as connection:
        found: Failed | None = installation.retries.find_failed(connection, (guid, handler))
    return found


def _event(payload: bytes) -> Event | None:
    try:
        return loads(payload)
    except RecordError:
        return None

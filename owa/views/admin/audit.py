"""The audit trail."""

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from owa.accounts import audit
from owa.accounts.roles import Capability

SHOWN = 50


@view_config(
    route_name="audit",
    request_method="GET",
    renderer="admin/audit.jinja2",
    permission=Capability.EDIT_USERS,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    """A page of changes, the last one first; `before`: those before that number."""
    before = request.params.get("before", "")
    with request.registry["owa"].installation.database.reading() as connection:
        changes = audit.latest(connection, SHOWN + 1, int(before) if before.isdecimal() and len(before) < 19 else None)
    return {"changes": changes[:SHOWN], "older": changes[SHOWN - 1].number if len(changes) > SHOWN else None}

"""The admin's pages: a file each. Each page says which capability it needs; who is not logged in is asked to."""

from dataclasses import dataclass

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from owa.accounts.roles import Capability


@dataclass(frozen=True, slots=True)
class Place:
    """Where the navigation leads."""

    route: str
    label: str
    capability: Capability


NAVIGATION = (
    Place("queues", "Dashboard", Capability.VIEW_REPORTS),
    Place("failed", "Failed events", Capability.EDIT_MODULES),
    Place("general", "General", Capability.EDIT_SETTINGS),
    Place("modules", "Modules", Capability.EDIT_MODULES),
    Place("sites", "Sites", Capability.VIEW_SITE_LIST),
    Place("senders", "Senders", Capability.EDIT_SETTINGS),
    Place("users", "Users", Capability.EDIT_USERS),
    Place("audit", "Audit trail", Capability.EDIT_USERS),
)


def includeme(config: Configurator) -> None:
    """Routes of the pages."""
    config.add_route("admin", "/admin")
    config.add_route("queues", "/admin/queues")
    config.add_route("failed", "/admin/failed")
    config.add_route("failed_event", r"/admin/failed/{guid:[0-9]{1,19}}")
    config.add_route("general", "/admin/settings/general")
    config.add_route("sites", "/admin/settings/sites")
    config.add_route("site", "/admin/settings/sites/{site_id}")
    config.add_route("modules", "/admin/settings/modules")
    config.add_route("module", "/admin/settings/modules/{name}")
    config.add_route("senders", "/admin/settings/senders")
    config.add_route("users", "/admin/settings/users")
    config.add_route("user", "/admin/settings/users/edit")
    config.add_route("audit", "/admin/audit")
    config.add_route("account", "/admin/account")
    config.add_request_method(navigation, reify=True)


def navigation(request: Request) -> list[Place]:
    """The places that the visitor may go to."""
    return [place for place in NAVIGATION if request.identity and request.identity.may(place.capability)]


@view_config(route_name="admin", request_method="GET", permission=Capability.VIEW_SITE_LIST)
def admin(request: Request) -> Response:
    """Leads to the first page that the visitor may see."""
    places = request.navigation
    return HTTPSeeOther(request.route_path(places[0].route if places else "account"))

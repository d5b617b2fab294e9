"""The admin's pages: a file each. Each page says which capability it needs; who is not logged in is asked to."""

from dataclasses import dataclass

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from owa.accounts.roles import Capability
from owa.diagnosis import Check
from owa.views.security import FLASH_COOKIE


@dataclass(frozen=True, slots=True)
class Place:
    """Where the navigation leads."""

    route: str
    label: str
    capability: Capability
    group: str = ""
    """The heading under which it stands. Those without one come first."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place, as the page shows it."""

    label: str
    path: str
    group: str


NAVIGATION = (
    Place("queues", "Dashboard", Capability.VIEW_REPORTS),
    Place("failed", "Failed events", Capability.EDIT_MODULES),
    Place("waiting", "Waiting", Capability.EDIT_MODULES),
    Place("trace", "Trace", Capability.EDIT_MODULES),
    Place("scheduler", "Scheduler", Capability.EDIT_MODULES),
    Place("diagnose", "Diagnose", Capability.EDIT_MODULES),
    Place("general", "General", Capability.EDIT_SETTINGS, "Settings"),
    Place("modules", "Modules", Capability.EDIT_MODULES, "Settings"),
    Place("sites", "Sites", Capability.VIEW_SITE_LIST, "Settings"),
    Place("senders", "Senders", Capability.EDIT_SETTINGS, "Settings"),
    Place("users", "Users", Capability.EDIT_USERS, "Settings"),
    Place("audit", "Audit trail", Capability.EDIT_USERS),
)

BY_MODULES = "From modules"
"""The heading of pages that modules bring."""


def includeme(config: Configurator) -> None:
    """Routes of the pages."""
    config.add_route("admin", "/admin")
    config.add_route("queues", "/admin/queues")
    config.add_route("failed", "/admin/failed")
    config.add_route("failed_groups", "/admin/failed/by-error")
    config.add_route("failed_event", r"/admin/failed/{guid:[0-9]{1,19}}")
    config.add_route("waiting", "/admin/waiting")
    config.add_route("trace", "/admin/trace")
    config.add_route("scheduler", "/admin/scheduler")
    config.add_route("runs", "/admin/scheduler/runs")
    config.add_route("diagnose", "/admin/diagnose")
    config.add_route("general", "/admin/settings/general")
    config.add_route("sites", "/admin/settings/sites")
    config.add_route("site", "/admin/settings/sites/{site_id}")
    config.add_route("goals", "/admin/settings/sites/{site_id}/goals")
    config.add_route("modules", "/admin/settings/modules")
    config.add_route("module", "/admin/settings/modules/{name}")
    config.add_route("module_page", "/admin/modules/{module}/{slug}")
    config.add_route("senders", "/admin/settings/senders")
    config.add_route("users", "/admin/settings/users")
    config.add_route("user", "/admin/settings/users/edit")
    config.add_route("audit", "/admin/audit")
    config.add_route("account", "/admin/account")
    config.add_request_method(navigation, reify=True)
    config.add_request_method(first_broken, reify=True)


def navigation(request: Request) -> list[Link]:
    """The places that the visitor may go to: OWA's own, then those of modules."""
    if not request.identity:
        return []
    links = [
        Link(place.label, request.route_path(place.route), place.group)
        for place in NAVIGATION
        if request.identity.may(place.capability)
    ]
    for module, page in request.registry["owa"].installation.registry.pages:
        if request.identity.may(page.permission):
            path = request.route_path("module_page", module=module, slug=page.slug)
            links.append(Link(page.title, path, BY_MODULES))
    return links


def first_broken(request: Request) -> Check | None:
    """What every page warns of; None: all is well, it is not known yet, or not for this visitor to know."""
    if not request.identity or not request.identity.may(Capability.EDIT_MODULES):
        return None
    watch = request.registry["owa"].watch
    if FLASH_COOKIE in request.cookies:  # somebody has just acted
        watch.forget()
    diagnosis = watch.current()
    return diagnosis.first_broken if diagnosis else None


@view_config(route_name="admin", request_method="GET", permission=Capability.VIEW_SITE_LIST)
def admin(request: Request) -> Response:
    """Leads to the first page that the visitor may see."""
    links = request.navigation
    return HTTPSeeOther(links[0].path if links else request.route_path("account"))

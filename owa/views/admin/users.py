"""Users: who there is, and adding one."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import changes
from owa.accounts.passwords import random_password
from owa.accounts.roles import ROLES, Capability
from owa.accounts.users import User, all_users
from owa.errors import UsageError
from owa.views.flash import flash
from owa.views.security import actor_of


@view_defaults(route_name="users", renderer="admin/users.jinja2", permission=Capability.EDIT_USERS, http_cache=0)
class Users:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page(User("", "viewer"))

    @view_config(request_method="POST")
    def add(self) -> dict[str, Any] | Response:
        """A random password is shown on the answer itself: it is kept in no cookie."""
        given = self._request.POST.get("password", "")
        password = given or random_password()
        user = user_of(self._request, self._request.POST.get("user_id", "").strip())
        try:
            with self._installation.database.writing() as connection:
                changes.add(connection, actor_of(self._request), user, password, self._installation.clock.now())
        except UsageError as error:
            self._request.response.status_int = 400
            return self._page(user, problem=str(error))
        if not given:
            return self._page(User("", "viewer"), shown=(user.user_id, password))
        flash(self._request, f"{user.user_id} was added.")
        return HTTPSeeOther(self._request.route_path("users"))

    def _page(self, form: User, problem: str = "", shown: tuple[str, str] | None = None) -> dict[str, Any]:
        with self._installation.database.reading() as connection:
            users = all_users(connection)
        return {
            "users": users,
            "form": form,
            "problem": problem,
            "shown": shown,
            "roles": ROLES,
            "domains": domains(self._request),
        }


def user_of(request: Request, user_id: str) -> User:
    """The account as the form has it."""
    return User(
        user_id,
        request.POST.get("role", ""),
        request.POST.get("real_name", "").strip(),
        request.POST.get("email_address", "").strip(),
        frozenset(request.POST.getall("site")),
    )


def domains(request: Request) -> dict[str, str]:
    """Of all sites, by their ids, in the order of the domains."""
    sites = request.registry["owa"].installation.configuration.current().sites
    return {site.site_id: site.domain for site in sorted(sites.values(), key=lambda site: site.domain)}

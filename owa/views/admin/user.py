"""One user: role, name, sites, password, logins; and removing him."""

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from sqlalchemy import Connection

from owa.accounts import changes
from owa.accounts.audit import Actor
from owa.accounts.passwords import random_password
from owa.accounts.roles import ROLES, Capability
from owa.accounts.users import User, find_user
from owa.errors import UsageError
from owa.views.admin.users import domains, user_of
from owa.views.flash import flash
from owa.views.security import Identity, actor_of

Change = Callable[[Connection, Actor, int], object]
"""Gets the moment, in microseconds."""


@view_defaults(route_name="user", renderer="admin/user.jinja2", permission=Capability.EDIT_USERS, http_cache=0)
class EditUser:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._identity: Identity = request.identity
        self._user = self._find(request.GET.get("user_id", ""))

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page(self._user)

    @view_config(request_method="POST", request_param="action=change")
    def change(self) -> dict[str, Any] | Response:
        """Another role ends his logins, but not the one that changes it."""
        form, key = user_of(self._request, self._user.user_id), self._identity.login.key
        return self._do(
            lambda connection, actor, now: changes.change(connection, actor, form, now, but=key),
            f"{form.user_id} was changed.",
            form,
        )

    @view_config(request_method="POST", request_param="action=password")
    def set_password(self) -> dict[str, Any] | Response:
        """His logins end. One's own password is changed where the old one is asked for."""
        if self._user.user_id == self._identity.user.user_id:
            return HTTPSeeOther(self._request.route_path("account"))
        given = self._request.POST.get("password", "")
        password, user_id = given or random_password(), self._user.user_id
        answer = self._do(
            lambda connection, actor, now: changes.set_password(connection, actor, user_id, password, now),
            f"{user_id} has a new password. His logins have ended.",
        )
        done = isinstance(answer, Response)
        return answer if given or not done else self._page(self._user, shown=(user_id, password))

    @view_config(request_method="POST", request_param="action=end")
    def end_logins(self) -> dict[str, Any] | Response:
        user_id, key = self._user.user_id, self._identity.login.key
        return self._do(
            lambda connection, actor, now: changes.end_logins(connection, actor, user_id, now, but=key),
            f"The logins of {user_id} have ended.",
        )

    @view_config(request_method="POST", request_param="action=remove")
    def remove(self) -> dict[str, Any] | Response:
        user_id = self._user.user_id
        return self._do(
            lambda connection, actor, now: changes.remove(connection, actor, user_id, now), f"{user_id} was removed."
        )

    def _do(self, change: Change, done: str, form: User | None = None) -> dict[str, Any] | Response:
        try:
            with self._installation.database.writing() as connection:
                change(connection, actor_of(self._request), self._installation.clock.now())
        except UsageError as error:
            self._request.response.status_int = 400
            return self._page(form or self._user, problem=str(error))
        flash(self._request, done)
        return HTTPSeeOther(self._request.route_path("users"))

    def _find(self, user_id: str) -> User:
        with self._installation.database.reading() as connection:
            found = find_user(connection, user_id)
        if found is None:
            raise HTTPNotFound(f"There is no user {user_id}.")
        return found

    def _page(self, form: User, problem: str = "", shown: tuple[str, str] | None = None) -> dict[str, Any]:
        return {
            "user": self._user,
            "form": form,
            "problem": problem,
            "shown": shown,
            "own": self._user.user_id == self._identity.user.user_id,
            "roles": ROLES,
            "domains": domains(self._request),
        }

"""One's own account: password, and open logins."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit, logins
from owa.accounts.passwords import LONGEST, check_password, verify
from owa.accounts.roles import Capability
from owa.accounts.users import password_hash, set_password
from owa.errors import UsageError
from owa.views.flash import flash
from owa.views.security import Identity, actor_of


@view_defaults(
    route_name="account", renderer="admin/account.jinja2", permission=Capability.VIEW_SITE_LIST, http_cache=0
)
class Account:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._identity: Identity = request.identity

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page()

    @view_config(request_method="POST", request_param="password")
    def change_password(self) -> dict[str, Any] | Response:
        """Ends the user's other logins: whoever had the old password is out."""
        user_id, now = self._identity.user.user_id, self._installation.clock.now()
        password = self._request.POST["password"]
        try:
            self._check(self._request.POST.get("current", "")[: LONGEST + 1], password)
        except UsageError as error:
            self._request.response.status_int = 400
            return self._page(str(error))
        with self._installation.database.writing() as connection:
            set_password(connection, user_id, password, now)
            logins.end_all(connection, user_id, but=self._identity.login.key)
            audit.record(connection, actor_of(self._request), now, "change password", user_id)
        return self._done("The password was changed. Other logins of yours have ended.")

    @view_config(request_method="POST", request_param="end")
    def end_logins(self) -> Response:
        user_id = self._identity.user.user_id
        with self._installation.database.writing() as connection:
            ended = logins.end_all(connection, user_id, but=self._identity.login.key)
            audit.record(connection, actor_of(self._request), self._installation.clock.now(), "end logins", user_id)
        return self._done(f"{ended} other logins have ended.")

    def _check(self, current: str, password: str) -> None:
        with self._installation.database.reading() as connection:
            stored = password_hash(connection, self._identity.user.user_id)
        if not verify(stored, current):
            raise UsageError("The current password is another one.")
        check_password(password)

    def _page(self, problem: str = "") -> dict[str, Any]:
        with self._installation.database.reading() as connection:
            found = logins.of_user(connection, self._identity.user.user_id, self._installation.clock.now())
        return {"user": self._identity.user, "logins": found, "current": self._identity.login, "problem": problem}

    def _done(self, text: str) -> Response:
        flash(self._request, text)
        return HTTPSeeOther(self._request.route_path("account"))

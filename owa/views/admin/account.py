"""One's own account: password, and open logins."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import changes, logins
from owa.accounts.authentication import Gate, LoginRefused
from owa.accounts.passwords import check_password
from owa.accounts.roles import Capability
from owa.errors import UsageError
from owa.views.address import visitor_of
from owa.views.flash import flash
from owa.views.login import refuse
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

    @view_config(request_method="POST", request_param="action=password")
    def change_password(self) -> dict[str, Any] | Response:
        """Ends the user's other logins: whoever had the old password is out."""
        try:
            self._change_password(self._request.POST.get("current", ""), self._request.POST.get("password", ""))
        except LoginRefused as error:
            refuse(self._request, error)
            return self._page(str(error))
        except UsageError as error:
            self._request.response.status_int = 400
            return self._page(str(error))
        return self._done("The password was changed. Other logins of yours have ended.")

    @view_config(request_method="POST", request_param="action=end")
    def end_logins(self) -> Response:
        user_id, key = self._identity.user.user_id, self._identity.login.key
        with self._installation.database.writing() as connection:
            now = self._installation.clock.now()
            ended = changes.end_logins(connection, actor_of(self._request), user_id, now, but=key)
        return self._done(f"{ended} other logins have ended.")

    def _change_password(self, current: str, password: str) -> None:
        user_id, key = self._identity.user.user_id, self._identity.login.key
        check_password(password)
        gate: Gate = self._request.registry["owa"].gate
        gate.confirm(visitor_of(self._request), user_id, current)
        with self._installation.database.writing() as connection:
            now = self._installation.clock.now()
            changes.set_password(connection, actor_of(self._request), user_id, password, now, but=key)

    def _page(self, problem: str = "") -> dict[str, Any]:
        with self._installation.database.reading() as connection:
            found = logins.of_user(connection, self._identity.user.user_id, self._installation.clock.now())
        return {"user": self._identity.user, "logins": found, "current": self._identity.login, "problem": problem}

    def _done(self, text: str) -> Response:
        flash(self._request, text)
        return HTTPSeeOther(self._request.route_path("account"))

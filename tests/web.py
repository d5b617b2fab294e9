"""The web application in the test's own process, for what only its inside tells: routes, views, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router
from webtest import TestApp

from owa.accounts import changes, logins
from owa.accounts.audit import COMMAND_LINE
from owa.accounts.users import User
from owa.app import Installation, open_installation
from owa.db.configuration import add_site
from owa.db.migrate import upgrade
from owa.views import make_wsgi_app
from owa.views.security import LOGIN_COOKIE

PASSWORD = "correct horse"
HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:80"}
ROLES = ("viewer", "analyst", "admin")
"""Each is the role of the user of that name."""


@dataclass(frozen=True)
class Web:
    """The application, with a user of each role."""

    router: Router
    installation: Installation

    def visitor(self, user_id: str = "") -> TestApp:
        """A browser of its own, logged in if a user is named."""
        visitor = TestApp(self.router, HERE)
        if user_id:
            with self.installation.database.writing() as connection:
                began = logins.begin(connection, user_id, self.installation.clock.now(), "127.0.0.1", "a test")
            request, response = Request.blank("/", HERE), Response()
            self.router.registry["owa"].cookies.set(request, LOGIN_COOKIE, began)
            request._process_response_callbacks(response)
            visitor.set_cookie(*response.headers["Set-Cookie"].partition(";")[0].split("=", 1))
        return visitor

    def views(self) -> list[dict[str, Any]]:
        """What Pyramid knows of all views that belong to a route; `methods`: those that it takes, empty for all."""
        found = [entry["introspectable"] for entry in self.router.registry.introspector.get_category("views")]
        return [dict(view) | {"methods": _methods(view)} for view in found if view["route_name"]]

    def routes(self) -> dict[str, str]:
        """The routes' patterns, by their names."""
        found = self.router.registry.introspector.get_category("routes")
        return {entry["introspectable"]["name"]: entry["introspectable"]["pattern"] for entry in found}


def _methods(view: Any) -> set[str]:
    named = view["request_methods"]
    return {named} if isinstance(named, str) else set(named or ())


def token(answer: Any) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf_token" value="(\w+)"', answer.text)
    assert found, answer.text
    return found[1]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from serve(tmp_path_factory.mktemp("web"))


def serve(folder: Path) -> Iterator[Web]:
    """The application on a new data folder; it ends with the iterator."""
    installation = open_installation({"OWA_DATA_DIR": str(folder), "OWA_SCHEDULER": "0"}, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        add_site(connection, "http://shop.example")
        for role in ROLES:
            changes.add(connection, COMMAND_LINE, User(role, role), PASSWORD, installation.clock.now())
    installation.configuration.signal_change()
    router = make_wsgi_app(installation)
    yield Web(router, installation)
    router.registry["owa"].stop()

"""The tracking request as an idiomatic Pyramid view, in an application as one usually has it: a dozen routes, a session
factory, a security policy, two tweens, `request.params`. It makes the checks, and writes one JSON line by one append.
"""

import json
import os
import time
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from typing import Any

from pyramid.authorization import ACLHelper, Allow, Authenticated, Everyone
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPRequestEntityTooLarge, HTTPRequestURITooLong
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from bench.yardsticks.bare_wsgi import PIXEL
from bench.yardsticks.checks import Networks, Refused, check, seen

LONGEST_URL = 8 * 1024
LONGEST_BODY = 64 * 1024
MOST_PARAMETERS = 300

PAGES = ("start", "login", "logout", "dashboard", "report", "sites", "site", "users", "user", "settings", "health")


class Collecting:
    """What the view needs, kept in the registry."""

    def __init__(self, path: Path, sites: Collection[str], event_types: Collection[str]) -> None:
        self.sites = sites
        self.event_types = event_types
        self.proxies: Networks = ()
        self.excluded: Networks = ()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        self._sequence = count(1)

    def append(self, document: dict[str, Any]) -> None:
        line = json.dumps({"guid": self._guid(), **document}, separators=(",", ":")).encode() + b"\n"
        if os.write(self._descriptor, line) != len(line):
            raise OSError("The disk is full.")

    def _guid(self) -> str:
        return str(int(time.time()) * 10**9 + next(self._sequence))


class Root:
    __acl__ = ((Allow, Everyone, "view"), (Allow, Authenticated, "edit"))

    def __init__(self, request: Request) -> None:
        self.request = request


class SessionPolicy:
    """Whoever has logged in has a session."""

    def authenticated_userid(self, request: Request) -> Any:
        return request.session.get("user")

    def identity(self, request: Request) -> Any:
        return request.session.get("user")

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        principals = [Everyone] if permission == "view" else [Everyone, Authenticated]
        return ACLHelper().permits(context, principals, permission)


def make_application(path: Path, sites: Collection[str], event_types: Collection[str]) -> Any:
    """The WSGI application. `path`: where it appends."""
    with Configurator(
        root_factory=Root,
        session_factory=SignedCookieSessionFactory("a secret of thirty-two characters"),
        security_policy=SessionPolicy(),
    ) as config:
        config.registry["collecting"] = Collecting(path, sites, event_types)
        for name in PAGES:
            config.add_route(name, f"/{name}/{{rest}}")
            config.add_view(lambda _request: Response("page"), route_name=name, permission="edit")
        config.add_route("log", "/log.php")
        config.add_view(pixel, route_name="log", request_method=("GET", "HEAD"), permission="view")
        config.add_view(beacon, route_name="log", request_method="POST", permission="view")
        config.add_tween(f"{__name__}.timing")
        config.add_tween(f"{__name__}.safe_headers")
        return config.make_wsgi_app()


def timing(handler: Callable[[Request], Response], _registry: Any) -> Callable[[Request], Response]:
    def tween(request: Request) -> Response:
        started = time.perf_counter()
        response = handler(request)
        response.headers["Server-Timing"] = f"app;dur={(time.perf_counter() - started) * 1000:.2f}"
        return response

    return tween


def safe_headers(handler: Callable[[Request], Response], _registry: Any) -> Callable[[Request], Response]:
    def tween(request: Request) -> Response:
        response = handler(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return tween


def pixel(request: Request) -> Response:
    _collect(request)
    response = Response(body=PIXEL, content_type="image/gif")
    response.headers["Cache-Control"] = "no-store, no-cache, must-revalidate, max-age=0"
    response.headers["Pragma"] = "no-cache"
    response.headers["Expires"] = "Thu, 01 Jan 1970 00:00:00 GMT"
    return response


def beacon(request: Request) -> Response:
    _collect(request)
    response = Response(status=204)
    response.headers["Cache-Control"] = "no-store, no-cache, must-revalidate, max-age=0"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _collect(request: Request) -> None:
    collecting: Collecting = request.registry["collecting"]
    if len(request.path_qs) > LONGEST_URL:
        raise HTTPRequestURITooLong
    if (request.content_length or 0) > LONGEST_BODY or len(request.params) > MOST_PARAMETERS:
        raise HTTPRequestEntityTooLarge
    properties = {name.removeprefix("owa_"): value for name, value in request.params.items() if name.startswith("owa_")}
    try:
        visitor_id, session_id = check(properties, collecting.event_types, collecting.sites)
        environment = seen(request.environ, collecting.proxies, collecting.excluded)
    except Refused:
        return
    del properties["visitor_id"], properties["session_id"]
    document = {
        "type": properties.pop("event_type"),
        "site": properties.pop("site_id"),
        "visitor": str(visitor_id),
        "session": str(session_id),
        "received": int(time.time() * 1e6),
        "properties": {**properties, **environment},
    }
    collecting.append(document)

"""Logging in and out."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED, forget, remember
from pyramid.view import view_config

from owa.accounts import throttle
from owa.accounts.audit import Actor, record
from owa.accounts.passwords import LONGEST, verify
from owa.accounts.users import password_hash
from owa.views.address import address_of

HOME = "admin"
"""The route where a login leads that was not on its way elsewhere."""


@view_config(
    route_name="login",
    request_method="GET",
    renderer="login.jinja2",
    permission=NO_PERMISSION_REQUIRED,
    http_cache=0,
)
def show(request: Request) -> dict[str, Any]:
    return {"user_id": "", "next": local_path(request), "problem": ""}


@view_config(
    route_name="login",
    request_method="POST",
    renderer="login.jinja2",
    permission=NO_PERMISSION_REQUIRED,
    http_cache=0,
)
def log_in(request: Request) -> dict[str, Any] | Response:
    user_id, password = request.POST.get("user_id", "")[:255].strip(), request.POST.get("password", "")
    problem = _problem(request, user_id, password[: LONGEST + 1])
    if not problem:
        remember(request, user_id)
        return HTTPSeeOther(local_path(request) or request.route_path(HOME))
    request.response.status_int = 403
    return {"user_id": user_id, "next": local_path(request), "problem": problem}


@view_config(route_name="logout", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def log_out(request: Request) -> Response:
    forget(request)
    return HTTPSeeOther(request.route_path("login"))


def local_path(request: Request) -> str:
    """Where to go next: a path of ours, or empty. Nobody is sent to another host."""
    path: str = request.params.get("next", "")
    prefix = request.script_name + "/"
    safe = path.startswith(prefix) and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else ""


def _problem(request: Request, user_id: str, password: str) -> str:
    """Why the login is refused; empty when it is not. Says nothing about which of the two was wrong."""
    installation = request.registry["owa"].installation
    now = installation.clock.now()
    address = address_of(request)
    subjects = [f"user {user_id}", f"address {address}"]
    with installation.database.reading() as connection:
        wait = throttle.seconds_to_wait(connection, subjects, now)
        stored = password_hash(connection, user_id)
    if wait:
        return f"Too many attempts have failed. Try again in {wait} s."
    if verify(stored, password):
        with installation.database.writing() as connection:
            throttle.forgive(connection, subjects[0])
            record(connection, Actor(user_id, address), now, "log in", user_id)
        return ""
    with installation.database.writing() as connection:
        throttle.note_failure(connection, subjects, now)
        record(connection, Actor(user_id, address), now, "fail to log in", user_id)
    return "Name and password do not belong together."

"""Logging in and out."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED, forget, remember
from pyramid.view import view_config

from owa.accounts.authentication import Gate, LoginRefused
from owa.accounts.rules import LONGEST_TEXT
from owa.views.address import visitor_of

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
    user_id = request.POST.get("user_id", "").strip()
    earlier = request.identity.login.key if request.identity else ""
    gate: Gate = request.registry["owa"].gate
    try:
        token = gate.log_in(visitor_of(request), user_id, request.POST.get("password", ""), earlier)
    except LoginRefused as error:
        refuse(request, error)
        return {"user_id": user_id[:LONGEST_TEXT], "next": local_path(request), "problem": str(error)}
    remember(request, user_id, token=token)
    return HTTPSeeOther(local_path(request) or request.route_path(HOME))


@view_config(route_name="logout", request_method="POST", permission=NO_PERMISSION_REQUIRED)
def log_out(request: Request) -> Response:
    forget(request)
    return HTTPSeeOther(request.route_path("login"))


def local_path(request: Request) -> str:
    """Where to go next: a path of ours, or empty. Nobody is sent to another host."""
    where: str = request.params.get("next", "")
    path = where.partition("?")[0]
    safe = path.startswith(request.script_name + "/") and where.isprintable()
    return where if safe and not any(odd in path for odd in ("//", "/.", "\\")) else ""


def refuse(request: Request, error: LoginRefused) -> None:
    """Set the status of the page that tells why."""
    request.response.status_int = 429 if error.wait else 403
    if error.wait:
        request.response.headers["Retry-After"] = str(error.wait)

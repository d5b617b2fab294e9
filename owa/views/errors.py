"""Pages for what cannot be shown."""

import logging
import os
from typing import Any

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken, URLDecodeError
from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from owa.errors import DatabaseUnavailable
from owa.masking import masked_trace

logger = logging.getLogger(__name__)

TITLE = "Something went wrong here"


@forbidden_view_config(renderer="error.jinja2")
def forbidden(error: HTTPForbidden, request: Request) -> dict[str, Any] | Response:
    """Who is not logged in is asked to; others are told what they lack."""
    if request.identity is None and request.method == "GET" and request.path_info.startswith("/admin"):
        query = {"next": request.path_qs} if request.path_info != "/admin" else {}
        return HTTPSeeOther(request.route_path("login", _query=query))
    reason = error.detail if error.result is None else "Your role does not allow it. An admin can give you another one."
    return _page(request, 403, "Not allowed", reason or str(error))


@notfound_view_config(renderer="error.jinja2", append_slash=False)
def not_found(_error: HTTPNotFound, request: Request) -> dict[str, Any]:
    return _page(request, 404, "There is no such page", "Check the address.")


@exception_view_config(BadCSRFToken, renderer="error.jinja2")
@exception_view_config(BadCSRFOrigin, renderer="error.jinja2")
def forged(_error: Exception, request: Request) -> dict[str, Any]:
    return _page(
        request,
        400,
        "The form was not accepted",
        "It was not sent from a page of this login, or that page is too old. Go back, reload it, and send it again.",
    )


@exception_view_config(DatabaseUnavailable, renderer="error.jinja2")
def unavailable(error: DatabaseUnavailable, request: Request) -> dict[str, Any]:
    request.response.headers["Retry-After"] = "5"
    return _page(request, 503, "The database is away", str(error))


@exception_view_config(Exception, renderer="error.jinja2")
def unexpected(error: Exception, request: Request) -> dict[str, Any]:
    """The visitor gets a number; what went wrong is in the log, beside it."""
    if isinstance(error, URLDecodeError):
        raise error  # of the address: no page can be made for it
    return _page(request, 500, TITLE, log_unexpected(error, f"{request.method} {request.environ['PATH_INFO']}"))


def log_unexpected(error: BaseException, what: str) -> str:
    """Log it; returns what the visitor is told. `what`: was asked for."""
    number = os.urandom(4).hex()
    logger.error("Error %s at %s\n%s", number, ascii(what), masked_trace(error))
    return f"Nobody had thought of this. The server's log says what went wrong, under the number {number}."


def _page(request: Request, status: int, title: str, text: object) -> dict[str, Any]:
    request.response.status_int = status
    return {"title": title, "text": str(text)}

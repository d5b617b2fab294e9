"""Where the visitor comes from, and by which scheme: a trusted proxy is believed."""

from typing import Any

from pyramid.request import Request

from owa.accounts.authentication import Visitor
from owa.settings import Network
from owa.tracking.address import client_address, within


def address_of(request: Request) -> str:
    """The visitor's address; empty when it is not known."""
    proxies = request.registry["owa"].trusted_proxies()
    forwarded = request.headers.get("X-Forwarded-For", "")
    return str(client_address(request.remote_addr or "", forwarded, proxies) or "")


def visitor_of(request: Request) -> Visitor:
    """Where a password comes from."""
    return Visitor(address_of(request), request.user_agent or "")


def believe_proxy(environ: dict[str, Any], proxies: tuple[Network, ...]) -> None:
    """Take over the scheme by which the visitor reached a trusted proxy: links and cookies follow it."""
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").lower()
    if scheme not in ("http", "https"):
        return
    remote = client_address(environ.get("REMOTE_ADDR", ""), "", ())
    if remote is not None and within(remote, proxies):
        environ["wsgi.url_scheme"] = scheme

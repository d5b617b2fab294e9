"""Pages that only somebody on the server itself may see, as long as there is no login."""

from pyramid.request import Request

from owa.tracking.address import client_address
from owa.tracking.settings import TRUSTED_PROXIES

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def is_from_this_machine(request: Request) -> bool:
    """Whether the visitor sits on this machine: by address, also behind a trusted proxy, and by the name asked for
    (another site's page may have a name that leads to 127.0.0.1)."""
    settings = request.registry["owa"].installation.configuration.current().settings
    forwarded = request.headers.get("X-Forwarded-For", "")
    address = client_address(request.remote_addr or "", forwarded, settings[TRUSTED_PROXIES])
    if address is None or not address.is_loopback:
        return False
    proxied = bool(forwarded or request.headers.get("Forwarded") or request.headers.get("X-Real-Ip"))
    name = request.host.rpartition(":")[0] if ":" in request.host.rpartition("]")[2] else request.host
    return name.strip("[]") in _LOOPBACK_NAMES and not (proxied and not settings[TRUSTED_PROXIES])

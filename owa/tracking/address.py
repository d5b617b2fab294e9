"""The visitor's address: behind trusted proxies only, and anonymised if set."""

import ipaddress

from owa.identity import NOT_SET
from owa.settings import Network

_KEPT_BITS = {4: 24, 6: 48}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(remote: str, forwarded_for: str, proxies: tuple[Network, ...]) -> Address | None:
    """The address of the visitor; None when there is none to be had, as behind a Unix socket.

    `X-Forwarded-For` is read from its end, as long as the address that vouches for it is a trusted proxy's: what comes
    before was written by somebody we do not know.
    """
    address = _parse(remote)
    for text in reversed(forwarded_for.split(",")) if forwarded_for else ():
        if address is None or not within(address, proxies):
            break
        next_address = _parse(text)
        if next_address is None:
            break
        address = next_address
    return address


def within(address: Address, networks: tuple[Network, ...]) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in networks)


def shown(address: Address | None, *, anonymize: bool) -> str:
    """The address as it is stored. Loopback says nothing about a visitor: `(not set)`, as in OWA."""
    if address is None or address.is_loopback or address.is_unspecified:
        return NOT_SET
    if anonymize:
        network = ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False)
        return str(network.network_address)
    return str(address)


def _parse(text: str) -> Address | None:
    """Of `1.2.3.4`, `1.2.3.4:5678`, `::1`, `[::1]:5678`; an IPv4 address in IPv6 clothing becomes itself."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

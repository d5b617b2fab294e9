"""The checks of a tracking request, in plain Python: event type, site, ids, opt-out, robots, addresses."""

import ipaddress
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import ua_parser

LARGEST_ID = 2**63 - 1

Networks = tuple[ipaddress.IPv4Network, ...]


class Refused(Exception):
    """The request becomes no event."""


def check(properties: Mapping[str, Any], event_types: Collection[str], sites: Collection[str]) -> tuple[int, int]:
    """Visitor and session id. Raises `Refused`."""
    if properties.get("event_type") not in event_types:
        raise Refused("event type")
    site_id = properties.get("site_id", "")
    if not 0 < len(site_id) <= 255 or site_id not in sites:
        raise Refused("site")
    visitor_id = _identifier(properties.get("visitor_id", ""))
    session_id = _identifier(properties.get("session_id", ""))
    if properties.get("do_not_log", "").lower() in ("true", "1", "yes"):
        raise Refused("opted out")
    return visitor_id, session_id


def seen(environ: Mapping[str, Any], proxies: Networks, excluded: Networks) -> dict[str, str]:
    """What the request says about its visitor. Raises `Refused`."""
    agent = environ.get("HTTP_USER_AGENT", "")[:2000]
    address = client_address(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), proxies)
    if address is not None and any(address in network for network in excluded):
        raise Refused("excluded address")
    if is_robot(agent):
        raise Refused("robot")
    return {
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": environ.get("HTTP_HOST", "")[:2000],
        "REMOTE_HOST": environ.get("REMOTE_HOST", "")[:2000],
        "language": environ.get("HTTP_ACCEPT_LANGUAGE", "").partition(",")[0].partition(";")[0].strip(),
        "ip_address": str(address) if address is not None else "(not set)",
    }


@lru_cache(maxsize=10_000)
def client_address(
    remote: str, forwarded_for: str, proxies: Networks
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The last address of the chain that no trusted proxy has."""
    try:
        address = ipaddress.ip_address(remote)
        for text in reversed(forwarded_for.split(",")) if forwarded_for else ():
            if not any(address in network for network in proxies):
                break
            address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return address


@lru_cache(maxsize=20_000)
def is_robot(agent: str) -> bool:
    device = ua_parser.parse(agent).device
    return device is not None and device.family == "Spider"


def _identifier(text: str) -> int:
    if not (0 < len(text) <= 19 and text.isascii() and text.isdigit()):
        raise Refused("id")
    value = int(text)
    if not 0 < value <= LARGEST_ID:
        raise Refused("id")
    return value

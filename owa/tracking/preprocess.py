"""What needs the HTTP request: it is done before the event is queued, in both modes."""

from collections.abc import Collection
from typing import Any

from owa import user_agent
from owa.contributions import Configuration
from owa.events import RefusalReason, parse_identifier
from owa.tracking.address import client_address, shown, within
from owa.tracking.parameters import Environ, Refused
from owa.tracking.settings import ANONYMIZE_IPS, EXCLUDED_IPS, LOG_ROBOTS, RESPECT_DO_NOT_TRACK, TRUSTED_PROXIES

LONGEST_HEADER = 2_000
"""Characters kept of a request header."""

_LONGEST_SITE_ID = 255
_TRUE = frozenset(("true", "1", "yes"))


def check(properties: dict[str, Any], accepted: Collection[str], configuration: Configuration) -> tuple[int, int]:
    """Check what the parameters say; returns visitor and session id. Raises `Refused` with the first reason."""
    event_type = properties.get("event_type", "")
    if not isinstance(event_type, str) or event_type not in accepted:
        raise Refused(RefusalReason.UNKNOWN_EVENT_TYPE, str(event_type)[:100])
    site_id = properties.get("site_id", "")
    if not isinstance(site_id, str) or not 0 < len(site_id) <= _LONGEST_SITE_ID:
        raise Refused(RefusalReason.BAD_SITE_ID, str(site_id)[:100])
    if site_id not in configuration.sites:
        raise Refused(RefusalReason.UNREGISTERED_SITE, site_id)
    visitor_id = _identifier(properties, "visitor_id", RefusalReason.BAD_VISITOR_ID)
    session_id = _identifier(properties, "session_id", RefusalReason.BAD_SESSION_ID)
    if str(properties.get("do_not_log", "")).lower() in _TRUE:
        raise Refused(RefusalReason.DO_NOT_LOG)
    return visitor_id, session_id


def environment(environ: Environ, configuration: Configuration) -> dict[str, str]:
    """What the request itself says about the visitor, under OWA's property names. Raises `Refused` for robots,
    excluded addresses and those who do not want to be tracked."""
    settings = configuration.settings
    if settings[RESPECT_DO_NOT_TRACK] and "1" in (environ.get("HTTP_DNT"), environ.get("HTTP_SEC_GPC")):
        raise Refused(RefusalReason.DO_NOT_TRACK)
    agent = _header(environ, "HTTP_USER_AGENT")
    address = client_address(
        environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), settings[TRUSTED_PROXIES]
    )
    if address is not None and within(address, settings[EXCLUDED_IPS]):
        raise Refused(RefusalReason.EXCLUDED_ADDRESS)
    if not settings[LOG_ROBOTS] and user_agent.parse(agent).is_robot:
        raise Refused(RefusalReason.ROBOT, agent[:200])
    return {
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": _header(environ, "HTTP_HOST"),
        "REMOTE_HOST": _header(environ, "REMOTE_HOST"),
        "language": _header(environ, "HTTP_ACCEPT_LANGUAGE").partition(",")[0].partition(";")[0].strip(),
        "ip_address": shown(address, anonymize=settings[ANONYMIZE_IPS]),
    }


def _identifier(properties: dict[str, Any], name: str, reason: RefusalReason) -> int:
    value = properties.get(name, "")
    identifier = parse_identifier(value) if isinstance(value, str) else None
    if identifier is None:
        raise Refused(reason, str(value)[:100])
    return identifier


def _header(environ: Environ, name: str) -> str:
    """WSGI hands headers over as Latin-1; browsers that go beyond ASCII send UTF-8."""
    value: str = environ.get(name, "")[:LONGEST_HEADER]
    if not value.isascii():
        value = value.encode("latin-1", "replace").decode("utf-8", "replace")
    return value.replace("\0", "\ufffd").strip()

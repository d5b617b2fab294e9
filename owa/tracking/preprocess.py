"""What needs the HTTP request: it is done before the event is queued, in both modes."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from owa import user_agent
from owa.contributions import Configuration
from owa.events import RefusalReason, parse_identifier
from owa.queues.settings import QUEUE_EVENTS
from owa.remembering import LONGEST, remembers
from owa.tracking.address import client_address, shown, within
from owa.tracking.parameters import Environ, Refused
from owa.tracking.settings import ANONYMIZE_IPS, EXCLUDED_IPS, LOG_ROBOTS, RESPECT_DO_NOT_TRACK, TRUSTED_PROXIES

LONGEST_HEADER = 2_000
"""Characters kept of a request header."""

REMEMBERED = 10_000
"""Headers, and addresses, that are not looked at again."""

_LONGEST_SITE_ID = 255
_TRUE = frozenset(("true", "1", "yes"))


def identify(
    properties: dict[str, Any], accepted: Collection[str], sites: Collection[str]
) -> tuple[str, str, int, int]:
    """Take event type, site, visitor and session out of what was sent, and check them and the rest. Raises `Refused`
    with the first reason."""
    event_type = properties.pop("event_type", "")
    if not isinstance(event_type, str) or event_type not in accepted:
        raise Refused(RefusalReason.UNKNOWN_EVENT_TYPE, str(event_type)[:100])
    site_id = properties.pop("site_id", "")
    if not isinstance(site_id, str) or not 0 < len(site_id) <= _LONGEST_SITE_ID:
        raise Refused(RefusalReason.BAD_SITE_ID, str(site_id)[:100])
    if site_id not in sites:
        raise Refused(RefusalReason.UNREGISTERED_SITE, site_id)
    visitor_id = _identifier(properties, "visitor_id", RefusalReason.BAD_VISITOR_ID)
    session_id = _identifier(properties, "session_id", RefusalReason.BAD_SESSION_ID)
    if "do_not_log" in properties and str(properties["do_not_log"]).lower() in _TRUE:
        raise Refused(RefusalReason.DO_NOT_LOG)
    return event_type, site_id, visitor_id, session_id


class Rules:
    """What a configuration says about visitors and their sites, made once for each."""

    def __init__(self, configuration: Configuration) -> None:
        settings = configuration.settings
        self.configuration = configuration
        self.sites = configuration.sites
        self.queue_events = settings[QUEUE_EVENTS]
        self.takes_robots = settings[LOG_ROBOTS]
        self.respects_do_not_track = settings[RESPECT_DO_NOT_TRACK]
        self._proxies = settings[TRUSTED_PROXIES]
        self._excluded = settings[EXCLUDED_IPS]
        self._anonymizes = settings[ANONYMIZE_IPS]
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._address)

    def address(self, environ: Environ) -> str | None:
        """The visitor's address as it is stored; None when it is excluded."""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if self._proxies else ""
        find = self._remembered if len(forwarded) <= LONGEST else self._address
        return find(environ.get("REMOTE_ADDR", ""), forwarded)

    def _address(self, remote: str, forwarded: str) -> str | None:
        address = client_address(remote, forwarded, self._proxies)
        if address is not None and within(address, self._excluded):
            return None
        return shown(address, anonymize=self._anonymizes)


def add_environment(properties: dict[str, Any], environ: Environ, rules: Rules) -> None:
    """Add what the request itself says about the visitor, under OWA's property names. Raises `Refused` for robots,
    excluded addresses and those who do not want to be tracked."""
    if rules.respects_do_not_track and "1" in (environ.get("HTTP_DNT"), environ.get("HTTP_SEC_GPC")):
        raise Refused(RefusalReason.DO_NOT_TRACK)
    address = rules.address(environ)
    if address is None:
        raise Refused(RefusalReason.EXCLUDED_ADDRESS)
    agent, is_robot = _agent(environ.get("HTTP_USER_AGENT", ""))
    if is_robot and not rules.takes_robots:
        raise Refused(RefusalReason.ROBOT, agent[:200])
    properties["HTTP_USER_AGENT"] = agent
    properties["HTTP_HOST"] = _text(environ.get("HTTP_HOST", ""))
    properties["REMOTE_HOST"] = _text(environ.get("REMOTE_HOST", ""))
    properties["language"] = _language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    properties["ip_address"] = address


def _identifier(properties: dict[str, Any], name: str, reason: RefusalReason) -> int:
    value = properties.pop(name, "")
    identifier = parse_identifier(value) if isinstance(value, str) else None
    if identifier is None:
        raise Refused(reason, str(value)[:100])
    return identifier


@remembers(REMEMBERED)
def _text(value: str) -> str:
    """Of a header. WSGI hands headers over as Latin-1; browsers that go beyond ASCII send UTF-8."""
    value = value[:LONGEST_HEADER]
    if not value.isascii():
        value = value.encode("latin-1", "replace").decode("utf-8", "replace")
    return value.replace("\0", "\ufffd").strip()


@remembers(REMEMBERED)
def _agent(value: str) -> tuple[str, bool]:
    """(text, whether it is a robot's)."""
    agent = _text(value)
    return agent, user_agent.parse(agent).is_robot


@remembers(1_000)
def _language(value: str) -> str:
    """The one that is liked best."""
    return _text(value).partition(",")[0].partition(";")[0].strip()

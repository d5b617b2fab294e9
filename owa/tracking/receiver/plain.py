"""Single events of a plain OWA (PHP) with Remote Queue, as form fields `owa_event[properties][page_url]=…`.

Of what it sends, type, properties, guid and time are looked at; what it says of queues is not. Its guids collide, and
it sends nothing again: the event gets one of this server's.
"""

import re
from collections.abc import Collection
from typing import Any

from owa.clock import MICROSECONDS
from owa.contributions import Configuration
from owa.events import Entry, Event, Refusal, RefusalReason
from owa.tracking.guids import Guids
from owa.tracking.parameters import Environ, Refused, parameters
from owa.tracking.preprocess import identify

MOST_AHEAD = 86_400 * MICROSECONDS
"""How far a sender's clock may be ahead before its time is not believed."""

_MICROTIME = re.compile(r"0\.(\d{1,8}) (\d{9,11})")
"""As PHP's `microtime()` writes it: the fraction, and the seconds."""

_NOT_PROPERTIES = ("guid", "timestamp", "microtime")
"""What an event has as fields of its own."""


def plain_entry(
    environ: Environ, configuration: Configuration, accepted: Collection[str], guids: Guids, now: int
) -> Entry:
    """The event of a request, or why it is none. Address, agent and time are those of the visitor's request. `now`:
    microseconds. Raises `OwaError` or `OSError` when there is no guid to be had."""
    site_id: object = ""
    try:
        sent = parameters(environ).get("event")
        properties, timestamp = _parts(sent)
        site_id = properties.get("site_id", "")
        event_type, site, visitor_id, session_id = identify(properties, accepted, configuration.sites)
        received_at = _moment(properties, timestamp, now)
    except Refused as refused:
        known = isinstance(site_id, str) and site_id in configuration.sites
        return Refusal(refused.reason, str(site_id) if known else "", now, guids.server, refused.detail)
    return Event(
        guid=guids.next(),
        event_type=event_type,
        site_id=site,
        visitor_id=visitor_id,
        session_id=session_id,
        received_at=received_at,
        server=guids.server,
        properties={name: value for name, value in properties.items() if name not in _NOT_PROPERTIES},
    )


def _parts(sent: Any) -> tuple[dict[str, Any], str]:
    """Properties, with the event's type, and time of what was sent. Raises `Refused`."""
    if not isinstance(sent, dict) or not isinstance(properties := sent.get("properties"), dict):
        raise Refused(RefusalReason.MALFORMED_REQUEST, "no owa_event[properties]")
    for name in ("guid", "timestamp"):
        value = sent.get(name)
        if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) <= 20):
            raise Refused(RefusalReason.MALFORMED_REQUEST, f"owa_event[{name}] is no number")
    return {**properties, "event_type": sent.get("eventType", "")}, sent["timestamp"]


def _moment(properties: dict[str, Any], timestamp: str, now: int) -> int:
    """When the sender took the request, in microseconds. Raises `Refused`."""
    exact = properties.get("microtime", "")
    match = _MICROTIME.fullmatch(exact) if isinstance(exact, str) else None
    moment = int(timestamp) * MICROSECONDS
    if match and match[2] == timestamp:
        moment += int(match[1].ljust(6, "0")[:6])
    if not 0 < moment <= now + MOST_AHEAD:
        raise Refused(RefusalReason.MALFORMED_REQUEST, "owa_event[timestamp] is in the future")
    return moment

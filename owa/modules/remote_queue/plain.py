"""Posts single events in the form that an unmodified PHP OWA takes. That one acknowledges nothing."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from owa.module_api import MICROSECONDS, Event, Forwarded, QueueUnavailable
from owa.modules.remote_queue.endpoint import Endpoint


class SentInPart(QueueUnavailable):
    """Some events of a batch were sent before the endpoint went away."""

    def __init__(self, events: Sequence[Event], outage: QueueUnavailable) -> None:
        super().__init__(outage.message, outage.remedy)
        self.events = tuple(events)
        self.outage = outage


class PlainSender:
    """Forwards events to a PHP OWA."""

    at_once = 50
    """Events that are sent before they are noted as sent."""
    beats = False

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def send(self, events: Sequence[Event], _records: str) -> Forwarded:
        """Send events, one by one. Raises `QueueUnavailable`; after the first one, `SentInPart`."""
        for number, event in enumerate(events):
            try:
                self._post(form_of(event))
            except QueueUnavailable as outage:
                if number:
                    raise SentInPart(events[:number], outage) from outage
                raise
        return Forwarded(tuple(events), is_confirmed=False)

    def probe(self) -> None:
        """Send a form without an event. Raises `QueueUnavailable`."""
        self._post("")

    def close(self) -> None:
        self._endpoint.close()

    def _post(self, form: str) -> None:
        self._endpoint.post(form.encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def form_of(event: Event) -> str:
    """The event as PHP's sender writes it: `owa_event[properties][page_url]=…`."""
    fraction = event.received_at % MICROSECONDS
    properties = {
        "guid": event.guid,
        "timestamp": event.timestamp,
        "event_type": event.event_type,
        "site_id": event.site_id,
        "visitor_id": event.visitor_id,
        "session_id": event.session_id,
        **event.properties,
        "microtime": f"0.{fraction:06d}00 {event.timestamp}",
    }
    fields = {
        "properties": properties,
        "eventType": event.event_type,
        "guid": event.guid,
        "timestamp": event.timestamp,
        "receive_count": 0,
        "status": "unhandled",
    }
    return urlencode(list(_pairs("owa_event", fields)))


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _pairs(f"{name}[{index}]", inner)
    else:
        yield name, str(value)

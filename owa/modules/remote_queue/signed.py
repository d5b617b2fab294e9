"""Sends batches that are signed, and answered for event by event."""

import time
from collections.abc import Callable, Sequence

from owa.module_api import (
    BatchAnswer,
    Envelope,
    Event,
    Forwarded,
    QueueUnavailable,
    RecordError,
    SenderStatus,
    load_answer,
    name_of,
    pack,
)
from owa.modules.remote_queue.endpoint import Endpoint

KEY_REMEDY = (
    "Make one on the other server, at Settings > Senders, and enter it here: Settings > Modules > Remote Queue."
)

HEARTBEAT = "heartbeat"
"""The name of a batch without events: it has no effect that could come twice."""


class SignedSender:
    """Forwards events to another OWA of this kind."""

    at_once = 500
    """Events of a batch."""
    beats = True
    """Whether the other end wants to hear of this one when there are no events."""

    def __init__(self, endpoint: Endpoint, key: str, name: str, status: Callable[[], SenderStatus]) -> None:
        """`name`: of this installation, for good. `status`: how it is now."""
        self._endpoint = endpoint
        self._key = key
        self._name = name
        self._status = status

    def send(self, events: Sequence[Event], records: str) -> Forwarded:
        """Send a batch. `records`: see `name_of`. Raises `QueueUnavailable` when not each event is answered for: then
        all are to be sent again. Raises `TooMuch`."""
        answer = self._post(events, name_of(events, records))
        if missing := len({event.guid for event in events} - answer.guids()):
            raise QueueUnavailable(
                f"{self._endpoint.url} does not say what became of {missing} of {len(events)} events.",
                "They are sent again. See whether a proxy in between cuts answers.",
            )
        return Forwarded(
            tuple(event for event in events if event.guid not in answer.refused),
            tuple(
                (event, f"Refused by {self._endpoint.url}: {answer.refused[event.guid]}")
                for event in events
                if event.guid in answer.refused
            ),
        )

    def probe(self) -> None:
        """Send a batch without events. Raises `QueueUnavailable`."""
        self._post((), HEARTBEAT)

    def close(self) -> None:
        self._endpoint.close()

    def _post(self, events: Sequence[Event], batch: str) -> BatchAnswer:
        if not self._key:
            raise QueueUnavailable("No key is set, so nothing can be signed.", KEY_REMEDY)
        body = pack(self._status(), events)
        headers = Envelope(self._name, batch, str(int(time.time()))).headers(self._key, body)
        headers |= {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        text = self._endpoint.post(body, headers)
        try:
            return load_answer(text)
        except RecordError as error:
            raise QueueUnavailable(
                f"{self._endpoint.url} answers 200, but not as queue.php does: {error}",
                "See whether the address is that of queue.php of an OWA like this one.",
            ) from error

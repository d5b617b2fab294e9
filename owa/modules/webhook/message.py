"""Posts an event to the address that the admin has chosen."""

import hmac
import os
from hashlib import sha256

from owa.module_api import VERSION, Event, Outage, Settings, UsageError, dumps
from owa.modules.webhook.settings import SECRET, URL

SIGNATURE = "X-OWA-Signature"
TIMEOUTS = (5.0, 10.0)
"""Seconds for a connection, and for each part of the answer."""

_TRY_AGAIN = (408, 425, 429)


class ReceiverAway(Outage):
    """The receiver does not answer, or not now. The same message may be sent again: its guid stays."""


def post(event: Event, settings: Settings) -> int:
    """Send an event; returns the status of the answer, which is a good one.

    The body is the event as JSON, as OWA's servers send it to each other. With a secret, the header `X-OWA-Signature`
    is `sha256=` and the HMAC-SHA256 of the body in hex digits. Raises `ReceiverAway`, or `UsageError` when the receiver
    refuses it. Redirections are not followed: nobody but the admin says where events go.
    """
    import requests  # takes a while to import, and cron imports all modules

    body = dumps(event)
    try:
        with requests.post(
            settings[URL],
            data=body,
            headers=_headers(event, body, settings[SECRET]),
            timeout=TIMEOUTS,
            allow_redirects=False,
            stream=True,  # the answer's text is not wanted, however long it is
        ) as answer:
            status, reason = answer.status_code, answer.reason
    except requests.RequestException as error:
        raise ReceiverAway(f"{settings[URL]} does not answer: {error}.", "See whether it runs.") from error
    if status >= 500 or status in _TRY_AGAIN:
        raise ReceiverAway(f"{settings[URL]} answers {status} {reason}.", "See its log.")
    if not 200 <= status < 300:
        raise UsageError(
            f"{settings[URL]} answers {status} {reason}.", "Mend the address or the secret, here or there."
        )
    return status


def signature(body: bytes, secret: str) -> str:
    """What the receiver must come to by the same secret."""
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def test_message(now: int) -> Event:
    """An event that is none. `now`: microseconds."""
    guid = int.from_bytes(os.urandom(7))
    return Event(guid, "webhook.test", "test", 1, 1, now, 0, {"message": "This is a test of OWA's webhook."})


def _headers(event: Event, body: bytes, secret: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": f"OWA/{VERSION}", "X-OWA-Event": event.event_type}
    return headers | ({SIGNATURE: signature(body, secret)} if secret else {})

"""Requests to `queue.php`: their bodies, with limits, and why they are turned away."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from owa.exchange.body import LONGEST
from owa.tracking.collector import Answer, Headers
from owa.tracking.parameters import Environ, discard

MOST_DISCARDED = 2 * LONGEST
"""Bytes of a longer body that are read all the same, so that its sender sees the answer."""

FEWER = "Send fewer events at once."


@dataclass
class TurnedAway(Exception):
    """The request has no effect."""

    status: str
    """Of HTTP."""
    error: str
    remedy: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    """Fields that the answer has besides."""

    def answer(self) -> Answer:
        """Says it, as JSON."""
        return json_answer(self.status, orjson.dumps({"error": self.error, "remedy": self.remedy, **self.more}))


def json_answer(status: str, body: bytes) -> Answer:
    headers: Headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    return Answer(status, headers, body)


def read_body(environ: Environ) -> bytes:
    """Raises `TurnedAway` when it is too long, or shorter than it says."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isascii() and length.isdigit()):
        raise TurnedAway("400 Bad Request", "Content-Length is no number.")
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    if length and int(length) > LONGEST:
        discard(environ["wsgi.input"], min(int(length), MOST_DISCARDED))
        raise _too_long()
    body: bytes = environ["wsgi.input"].read(int(length) if length else LONGEST + 1)
    if len(body) > LONGEST:
        raise _too_long()
    if length and len(body) < int(length):
        raise TurnedAway("400 Bad Request", "The body is shorter than Content-Length says.")
    return body


def _too_long() -> TurnedAway:
    return TurnedAway(
        "413 Content Too Large", f"The body is longer than {LONGEST} bytes.", "Send fewer events at once."
    )

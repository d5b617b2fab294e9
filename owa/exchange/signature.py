"""Signatures of batches: HMAC-SHA256 over what the batch says of itself and its body as sent.

OWA-Sender: 7-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed
OWA-Batch: 8b1a9953c4611296a827abf8c47804d7
OWA-Time: 1795291324
OWA-Signature: v1=…
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from owa.errors import OwaError

SENDER, BATCH, TIME, SIGNATURE = "OWA-Sender", "OWA-Batch", "OWA-Time", "OWA-Signature"
"""Headers."""

WINDOW = 300
"""Seconds that the clocks of sender and receiver may differ."""

LONGEST_NAME = 128
"""Characters of a sender's or a batch's name."""

_VERSION = "v1="


class BadSignature(OwaError):
    """The batch is not from somebody who has the key, or not from now."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a batch says of itself, in its headers."""

    sender: str
    """Names the installation that sends it, for good."""
    batch: str
    """Names the batch; the same at each try."""
    time: str
    """Of this try: seconds since the epoch, in digits."""

    def headers(self, key: str, body: bytes) -> dict[str, str]:
        """The headers of a request with this body."""
        return {SENDER: self.sender, BATCH: self.batch, TIME: self.time, SIGNATURE: self.sign(key, body)}

    def sign(self, key: str, body: bytes) -> str:
        """The signature, for a body as it is sent."""
        signed = f"{self.time}\n{self.sender}\n{self.batch}\n".encode() + body
        return _VERSION + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()

    def verify(self, keys: Iterable[str], signature: str, body: bytes, now: int) -> None:
        """Raises `BadSignature` when none of the keys has signed it, or when its time is too far from `now`, in
        seconds."""
        if not _is_name(self.sender) or not _is_name(self.batch) or not _is_time(self.time):
            raise BadSignature(f"{SENDER}, {BATCH} or {TIME} is missing or malformed.")
        given = signature.encode("latin-1", "replace")
        signed = [hmac.compare_digest(self.sign(key, body).encode(), given) for key in keys]
        if not any(signed):
            raise BadSignature("The signature is wrong.", "Give both ends the same key.")
        if abs(now - int(self.time)) > WINDOW:
            raise BadSignature(
                f"The batch is from {self.time}, and here it is {now}.", "Let both servers keep the time by NTP."
            )


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text.isascii() and text.isprintable()


def _is_time(text: str) -> bool:
    return 0 < len(text) <= 12 and text.isascii() and text.isdigit()

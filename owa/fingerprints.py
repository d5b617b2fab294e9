"""Tells which errors are the same, whatever event they quote."""

import re
from hashlib import sha256

LONGEST = 1_000
"""Characters of an error that count."""

_VOLATILE = re.compile(
    r"""
    (?P<quoted>"[^"]*"|(?<![A-Za-z0-9])'[^']*'|`[^`]*`)
  | (?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)
  | (?P<url>\b[a-z][a-z0-9+.-]{1,20}://[^\s'"<>]+)
  | (?P<mail>[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190})
  | (?P<ip>\[?\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b\]?|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b)
  | (?P<hex>\b0x[0-9a-f]+\b|\b(?=[a-f]*[0-9])[0-9a-f]{12,}\b)
  | (?P<number>[0-9]+(?:[.,][0-9]+)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What differs between two events that fail for the same reason."""


def pattern_of(error: str) -> str:
    """The error without what may be another event's: numbers, ids, addresses and quoted values are replaced by what
    they are."""
    text = _VOLATILE.sub(lambda found: f"<{found.lastgroup}>", error[:LONGEST])
    return " ".join(text.split())


def fingerprint(error: str) -> str:
    """16 hex digits: the same for errors that differ in such values only."""
    return sha256(pattern_of(error).encode(errors="replace")).hexdigest()[:16]

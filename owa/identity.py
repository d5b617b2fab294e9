"""Ids of dimension rows: a hash of their text, so that any server finds the same id without asking."""

from hashlib import sha1

from owa.events import LARGEST_ID
from owa.remembering import remembers

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

NOT_SET = "(not set)"
"""What OWA stores where a text is absent."""


@remembers(50_000)
def text_id(text: str) -> int:
    """The first 16 hex digits of the SHA-1 of the trimmed text, its ASCII letters lower-cased, below 2^63."""
    digest = sha1(text.strip().translate(_LOWER).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8]) & LARGEST_ID

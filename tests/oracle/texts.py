"""Texts, their ids, and what makes two addresses the same page."""

import hashlib
import re
from collections.abc import Collection

NOT_SET = "(not set)"


def text_id(text: str) -> int:
    """First 16 hex digits of the SHA-1 of the trimmed, ASCII-lower-cased text, without the sign bit."""
    lowered = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text.strip())
    return int(hashlib.sha1(lowered.encode()).hexdigest()[:16], 16) & 0x7FFFFFFFFFFFFFFF


_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+)://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)(?::[0-9]*)?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
_OUR_PARAMETERS = ("source", "medium", "campaign", "ad", "ad_type", "search_terms", "overlay", "state", "sid")


def canonical_url(url: str, filters: Collection[str]) -> str:
    """Without fragment, port, user, filtered and campaign parameters, trailing slash."""
    match = _ADDRESS.fullmatch(url)
    if not match:
        return url
    unwanted = {*filters, *(f"owa_{name}" for name in _OUR_PARAMETERS)}
    query = "&".join(part for part in (match["query"] or "").split("&") if part.split("=")[0] not in unwanted)
    start = f"{match['scheme'].lower()}://{match['host']}"
    return f"{start}{match['path']}?{query}" if query else start + match["path"].rstrip("/")


def host(url: str) -> str:
    match = _ADDRESS.fullmatch(url)
    return match["host"].lower() if match else ""


def query(url: str) -> str:
    match = _ADDRESS.fullmatch(url)
    return (match["query"] if match else "") or ""


def uri(url: str) -> str:
    """Path and query, `/` for the start page. What is no address stays as it is."""
    match = _ADDRESS.fullmatch(url)
    if not match:
        return url
    return (match["path"] or "/") + (f"?{match['query']}" if match["query"] else "")


def words(text: str) -> list[str]:
    """Names of columns, in short."""
    return text.split()

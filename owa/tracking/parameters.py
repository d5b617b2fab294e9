"""The parameters of a tracking request: query and body merged, the body wins; `owa_` is cut off; brackets nest."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from owa.events import RefusalReason

LONGEST_URL = 8 * 1024
"""Bytes of path and query."""
LONGEST_BODY = 64 * 1024
MOST_DISCARDED = 2 * 1024 * 1024
"""Bytes of a longer body that are read all the same, so that its sender sees why it is refused."""
MOST_PARAMETERS = 300
MOST_NESTED = 1_000
"""With those whose names have brackets: an order has six for each of its line items. As many as PHP takes."""
DEEPEST_NESTING = 5

PREFIX = "owa_"

_NESTED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")

Environ = dict[str, Any]


@dataclass
class Refused(Exception):
    """The request becomes no event."""

    reason: RefusalReason
    detail: str = ""
    site_id: object = ""
    """The site that the request names, where it could be read."""


def parameters(environ: Environ) -> dict[str, Any]:
    """The `owa_` parameters of a WSGI request, as texts and, where names have brackets, nested dicts of texts.

    Broken UTF-8 and NUL become U+FFFD. Raises `Refused` when a limit is exceeded.
    """
    query = environ.get("QUERY_STRING", "")
    check_length(environ, query)
    pairs = _pairs(query.encode("latin-1", "replace"))
    if environ["REQUEST_METHOD"] == "POST":
        pairs += _body_pairs(environ)
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name.startswith(PREFIX):
            _put(result, name[len(PREFIX) :].replace("\0", "\ufffd"), value.replace("\0", "\ufffd"))
    return result


def check_length(environ: Environ, query: str) -> None:
    """Raises `Refused` when path and query are too long."""
    if len(query) < LONGEST_URL // 2:  # no prefix is as long as the rest
        return
    if len(environ.get("SCRIPT_NAME", "")) + len(environ.get("PATH_INFO", "")) + len("?") + len(query) > LONGEST_URL:
        raise Refused(RefusalReason.URL_TOO_LONG, f"more than {LONGEST_URL} bytes")


def content_type(environ: Environ) -> str:
    """Of the body, without its parameters."""
    kind: str = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    return kind


def _body_pairs(environ: Environ) -> list[tuple[str, str]]:
    body = body_of(environ)
    if not body:
        return []
    return _multipart_pairs(environ, body) if content_type(environ) == "multipart/form-data" else _pairs(body)


def body_of(environ: Environ) -> bytes:
    """The body, which is read. Raises `Refused` when it is too long."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length == "0":  # a tracker's beacon has all in its address
        return b""
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    if length and not length.isdigit():
        raise Refused(RefusalReason.MALFORMED_REQUEST, "Content-Length is no number")
    if length and int(length) > LONGEST_BODY:
        discard(environ["wsgi.input"], min(int(length), MOST_DISCARDED))
        raise Refused(RefusalReason.BODY_TOO_LONG, f"more than {LONGEST_BODY} bytes")
    body: bytes = environ["wsgi.input"].read(int(length) if length else LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise Refused(RefusalReason.BODY_TOO_LONG, f"more than {LONGEST_BODY} bytes")
    if length and len(body) < int(length):
        raise Refused(RefusalReason.MALFORMED_REQUEST, "the body was cut off")
    return body


def discard(body: BinaryIO, length: int) -> None:
    """Read so many bytes. A sender that is cut off in the middle of its body would not see the answer."""
    while length > 0 and (part := body.read(min(length, LONGEST_BODY))):
        length -= len(part)


def _pairs(data: bytes) -> list[tuple[str, str]]:
    if data.count(b"&") >= MOST_NESTED:
        raise Refused(RefusalReason.TOO_MANY_PARAMETERS, f"more than {MOST_NESTED}")
    text = data.decode("utf-8", "replace")
    return _few(parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace", separator="&"))


def _multipart_pairs(environ: Environ, body: bytes) -> list[tuple[str, str]]:
    """By WebOb. Imported here, since only a fallback of old browsers sends such bodies."""
    from webob import Request

    request = Request({**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    try:
        items: Iterable[tuple[str, Any]] = request.POST.items()
    except ValueError as error:
        raise Refused(RefusalReason.MALFORMED_REQUEST, str(error)[:100]) from error
    return _few([(name, value) for name, value in items if isinstance(value, str)])


def _few(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, if they are not too many."""
    if len(pairs) > MOST_PARAMETERS:
        nested = sum("[" in name for name, _ in pairs)
        if len(pairs) > MOST_NESTED or len(pairs) - nested > MOST_PARAMETERS:
            limits = f"more than {MOST_PARAMETERS}, or {MOST_NESTED} with those of lists"
            raise Refused(RefusalReason.TOO_MANY_PARAMETERS, limits)
    return pairs


def _put(result: dict[str, Any], name: str, value: str) -> None:
    """`a=…` sets a text, `a[b][c]=…` a text in nested dicts; of two that contradict each other the later counts."""
    match = _NESTED.fullmatch(name)
    if match is None:
        result[name] = value
        return
    path = [match[1], *match[2][1:-1].split("][")][: DEEPEST_NESTING + 1]
    for part in path[:-1]:
        inner = result.get(part)
        if not isinstance(inner, dict):
            inner = result[part] = {}
        result = inner
    result[path[-1]] = value

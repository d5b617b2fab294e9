"""What is refused before it is looked at: bodies and forms that are too big, and text that is none."""

from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from pyramid.httpexceptions import (
    HTTPBadRequest,
    HTTPClientError,
    HTTPRequestEntityTooLarge,
    HTTPUnsupportedMediaType,
)

from owa.tracking.parameters import discard

LONGEST_BODY = 256 * 1024
"""Bytes."""
MOST_FIELDS = 2_000
MOST_DISCARDED = 2 * 1024 * 1024

FORM = "application/x-www-form-urlencoded"


def refusal(environ: dict[str, Any]) -> HTTPClientError | None:
    """Why a request is not looked at; None: it may be. Reads the body, and puts it back: a form in UTF-8, without NUL,
    or something that no page of ours reads as a form."""
    if "HTTP_COOKIE" in environ:
        environ["HTTP_COOKIE"] = _plain(environ["HTTP_COOKIE"])
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        return HTTPBadRequest("Content-Length is no number.")
    if kind == "multipart/form-data":
        discard(environ["wsgi.input"], min(int(length), MOST_DISCARDED))
        return HTTPUnsupportedMediaType(f"Forms are taken as {FORM}.")
    if int(length) > LONGEST_BODY:
        discard(environ["wsgi.input"], min(int(length), MOST_DISCARDED))
        return HTTPRequestEntityTooLarge(f"More than {LONGEST_BODY} bytes.")
    body = environ["wsgi.input"].read(int(length)) if int(length) else b""
    environ["wsgi.input"] = BytesIO(body)
    if environ["REQUEST_METHOD"] == "POST" and kind in ("", FORM):
        environ["CONTENT_TYPE"] = FORM  # whatever encoding it names: ours are UTF-8
    else:
        body = b""
    return _refusal_of_fields(query) or _refusal_of_fields(body)


def _refusal_of_fields(data: bytes) -> HTTPClientError | None:
    if data.count(b"&") >= MOST_FIELDS:
        return HTTPRequestEntityTooLarge(f"More than {MOST_FIELDS} fields.")
    text = unquote_to_bytes(data)
    try:
        text.decode()
    except UnicodeDecodeError:
        return HTTPBadRequest("The fields are not UTF-8.")
    return HTTPBadRequest("A field holds a NUL.") if b"\0" in text else None


def _plain(cookies: str) -> str:
    """Without those of other applications on which WebOb would stumble: ours are plain ASCII."""
    return ";".join(part for part in cookies.split(";") if part.isascii() and "\\" not in part)

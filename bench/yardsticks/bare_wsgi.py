"""The least that a WSGI server can be asked: a callable that answers the pixel, and keeps nothing."""

import base64
from collections.abc import Callable, Iterable
from typing import Any

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

HEADERS = [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), ("Cache-Control", "no-store")]


def application(
    _environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [PIXEL]

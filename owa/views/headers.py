"""The headers that every page has, so that a browser helps to protect it."""

from pyramid.events import NewResponse
from pyramid.response import Response

_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"

TRACKING_PATH = "/log.php"

_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_UNFRAMED = {"Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'", "X-Frame-Options": "DENY"}

FRAMED = "/blank.php"
"""The page that OWA's tracker loads into frames of the pages that it tracks."""


def secure(response: Response, path: str) -> None:
    """Add them to the answer for a path. What does not say how long it may be kept is kept by nobody."""
    response.headers.update(_ALWAYS if path == FRAMED else {**_ALWAYS, **_UNFRAMED})
    response.headers.setdefault("Cache-Control", "no-store")


def secure_answer(event: NewResponse) -> None:
    """The same, for Pyramid. What trackers are answered is no page."""
    path = event.request.environ.get("PATH_INFO", "")
    if path != TRACKING_PATH:
        secure(event.response, path)

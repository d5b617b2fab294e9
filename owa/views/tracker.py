"""The tracker where the tags of PHP's OWA look for it: a site that comes from there keeps its pages as they are."""

from importlib.resources import files

from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

PATHS = ("/modules/base/dist/owa.tracker.js", "/modules/base/js/owa.tracker-combined-min.js")
"""Of OWA 1.7, and of those before."""

AGE = 3_600
"""Seconds for which a browser keeps it."""


@view_config(route_name="tracker", request_method=("GET", "HEAD"), permission=NO_PERMISSION_REQUIRED, http_cache=AGE)
@view_config(
    route_name="old_tracker", request_method=("GET", "HEAD"), permission=NO_PERMISSION_REQUIRED, http_cache=AGE
)
def tracker(_request: Request) -> Response:
    script = (files("owa") / "static/tracker/owa.tracker.js").read_bytes()
    return Response(body=script, content_type="text/javascript", charset="utf-8")

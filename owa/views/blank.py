"""`/blank.php`: where OWA's tracker sends a hidden frame after a form post."""

from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config


@view_config(route_name="blank", permission=NO_PERMISSION_REQUIRED, require_csrf=False)
def blank(_request: Request) -> Response:
    return Response(body=b"", content_type="text/html")

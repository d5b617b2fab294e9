"""`/blank.php`: where OWA's tracker sends a hidden frame after a form post."""

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config


@view_config(route_name="blank")
def blank(_request: Request) -> Response:
    return Response(body=b"", content_type="text/html")

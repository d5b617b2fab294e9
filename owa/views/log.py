"""`/log.php`, for requests that are not ordinary: ordinary ones are answered before they come to a view."""

from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config


@view_config(route_name="log", permission=NO_PERMISSION_REQUIRED, require_csrf=False)
def log(request: Request) -> Response:
    answer = request.registry["owa"].collector(request.environ)
    return Response(status=answer.status, headerlist=list(answer.headers), app_iter=(answer.body,))

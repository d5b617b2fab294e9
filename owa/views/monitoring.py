"""`/metrics` and `/health`, for machines: no login, only for the addresses that the admin has named."""

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from owa.diagnosis import Diagnosis, diagnose, look_at
from owa.monitoring.exposition import CONTENT_TYPE, exposition
from owa.monitoring.settings import MONITOR_FROM
from owa.queues.settings import QUEUE_EVENTS
from owa.tracking.address import client_address, within
from owa.tracking.settings import TRUSTED_PROXIES

READY = ("endpoint",)
"""What must be well for an event to be kept in asynchronous mode: this process may put it on the queue, now, which is
tried. The database need not be, nor what only a drain uses; a disk that will be full soon is told by `/health`."""

READY_AT_ONCE = ("permissions", "endpoint")
"""The same in synchronous mode, in which a request also uses what drains do."""


@view_config(route_name="metrics", request_method="GET", permission=NO_PERMISSION_REQUIRED)
def metrics(request: Request) -> Response:
    if not _is_monitor(request):
        return _nothing()
    text = exposition(request.registry["owa"].metrics.collect())
    return Response(text, headerlist=[("Content-Type", CONTENT_TYPE)])


@view_config(route_name="health_live", request_method="GET", permission=NO_PERMISSION_REQUIRED)
def live(request: Request) -> Response:
    """This process answers. Nothing is looked at for it."""
    return Response(json_body={"status": "ok"}) if _is_monitor(request) else _nothing()


@view_config(route_name="health_ready", request_method="GET", permission=NO_PERMISSION_REQUIRED)
def ready(request: Request) -> Response:
    """Whether an event would be kept."""
    if not _is_monitor(request):
        return _nothing()
    scene = request.registry["owa"].scene()
    return _answer(look_at(scene, READY if scene.settings[QUEUE_EVENTS] else READY_AT_ONCE))


@view_config(route_name="health", request_method="GET", permission=NO_PERMISSION_REQUIRED)
def health(request: Request) -> Response:
    """Each link of the chain."""
    return _answer(diagnose(request.registry["owa"].scene())) if _is_monitor(request) else _nothing()


def _answer(diagnosis: Diagnosis) -> Response:
    status = "broken" if diagnosis.first_broken else "ok"
    body = {"status": status, **diagnosis.document()}
    return Response(json_body=body, status=503 if diagnosis.first_broken else 200)


def _nothing() -> Response:
    return HTTPNotFound("There is no such page.", content_type="text/plain")


def _is_monitor(request: Request) -> bool:
    """Whether the one who asks may. A proxy that is not trusted asks for somebody whom nobody knows."""
    settings = request.registry["owa"].installation.configuration.current().settings
    remote, proxies = client_address(request.remote_addr or "", "", ()), settings[TRUSTED_PROXIES]
    forwarded = request.headers.get("X-Forwarded-For", "")
    is_proxied = any(request.headers.get(name) for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip"))
    if remote is None or (is_proxied and not (forwarded and within(remote, proxies))):
        return False
    address = client_address(request.remote_addr or "", forwarded, proxies)
    return address is not None and within(address, settings[MONITOR_FROM])

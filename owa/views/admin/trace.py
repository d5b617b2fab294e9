"""Follows an event from its receipt to its rows; sends one to be followed."""

from typing import TYPE_CHECKING, Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.errors import OwaError
from owa.events import parse_identifier
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.contract import State
from owa.queues.settings import QUEUE_EVENTS
from owa.tracing import EventTrace, trace_event, trace_session, trace_visitor
from owa.tracing.session import AMONG
from owa.tracking.parameters import Refused
from owa.tracking.trial import PATH, trial_request
from owa.views.address import address_of
from owa.views.flash import flash
from owa.views.outcomes import REMEDIES
from owa.views.security import actor_of
from owa.views.steps import standing, steps_of

if TYPE_CHECKING:
    from owa.app import Installation

KINDS = {"event": "Event", "session": "Session", "visitor": "Visitor"}

FOLLOWED = 120
"""Seconds for which the page of a test event is reloaded by itself."""


@view_defaults(route_name="trace", permission=Capability.EDIT_MODULES, http_cache=0)
class TracePage:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation: Installation = request.registry["owa"].installation

    @view_config(request_method="GET", renderer="admin/trace.jinja2")
    def show(self) -> dict[str, Any]:
        """`id`: what is looked for; `of`: whether that is the guid of an event, a session or a visitor. `guid`: short
        for an event."""
        get = self._request.GET
        of = get.get("of", "event")
        text = (get.get("guid") or get.get("id") or "").strip()
        identifier = parse_identifier(text)
        configuration = self._installation.configuration.current()
        page: dict[str, Any] = {
            "of": of if of in KINDS else "event",
            "kinds": KINDS,
            "text": text[:40],
            "is_bad": bool(text) and identifier is None,
            "identifier": identifier,
            "trace": None,
            "sessions": [],
            "sites": sorted(configuration.sites.values(), key=lambda site: site.domain),
            "domains": {site.site_id: site.domain for site in configuration.sites.values()},
            "path": PATH,
            "among": AMONG,
            "settings": {
                "is_scheduled": configuration.settings[SCHEDULER],
                "interval": configuration.settings[DRAIN_INTERVAL],
            },
            "reload": 0,
        }
        if identifier is None:
            return page
        match page["of"]:
            case "session":
                page["sessions"] = [found] if (found := trace_session(self._installation, identifier)).is_known else []
            case "visitor":
                page["sessions"] = trace_visitor(self._installation, identifier)
            case _:
                page |= self._event(identifier)
        return page

    def _event(self, guid: int) -> dict[str, Any]:
        trace = trace_event(self._installation, guid)
        now = self._installation.clock.now()
        is_test = "test" in self._request.GET
        is_young = abs(now - trace.at) < FOLLOWED * MICROSECONDS
        return {
            "trace": trace,
            "steps": steps_of(trace, now),
            "is_test": is_test,
            "paused": standing(trace.pauses, PROCESSING if trace.core or trace.rows else INCOMING),
            "others": [] if trace.is_known else self._others(guid),
            "awaited": [trail.handler for trail in trace.deliveries if trail.state not in (None, State.FAILED)],
            "reload": 2 if is_test and is_young and not _is_over(trace) else 0,
        }

    def _others(self, number: int) -> list[str]:
        """What else that number is the id of."""
        found = {
            "session": trace_session(self._installation, number).is_known,
            "visitor": bool(trace_visitor(self._installation, number)),
        }
        return [kind for kind, is_known in found.items() if is_known]

    @view_config(request_method="POST", request_param="act=send")
    def send(self) -> Response:
        """Make a page view of a site, as this browser's tracker would, and follow it."""
        request, configuration = self._request, self._installation.configuration.current()
        site = configuration.sites.get(request.POST.get("site", ""))
        if site is None:
            raise HTTPBadRequest("The form names no site that is registered.")
        now = self._installation.clock.now()
        environ = trial_request(site, now, address_of(request), request.user_agent or "", request.host)
        try:
            event = request.registry["owa"].collector.collect(environ)
        except Refused as refused:
            remedy = REMEDIES.get(refused.reason, "")
            reason = refused.reason.value.replace("_", " ")
            flash(request, f"The test event was refused, and counted as that: {reason}. {refused.detail:.200} {remedy}")
            return HTTPSeeOther(request.route_path("trace"))
        except (OwaError, OSError) as error:
            flash(request, f"The test event could not be kept, so a tracker would be answered 503. {error}")
            return HTTPSeeOther(request.route_path("trace"))
        with self._installation.database.writing() as connection:
            audit.record(
                connection, actor_of(request), now, "send test event", str(event.guid), {}, {"site": site.domain}
            )
        mode = "queued" if configuration.settings[QUEUE_EVENTS] else "taken in synchronous mode"
        flash(request, f"The test event is {mode}. It counts in the statistics, as a page view of {PATH}.")
        return HTTPSeeOther(request.route_path("trace", _query={"guid": event.guid, "test": "1"}))


def _is_over(trace: EventTrace) -> bool:
    """Whether nothing more is expected soon."""
    core = trace.core
    return (trace.is_stored and trace.is_delivered) or (core is not None and core.attempts > 0)

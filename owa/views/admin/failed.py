"""Failed events: the list, and what is done about them."""

import re
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.db.engine import Database
from owa.events import LARGEST_ID
from owa.processing.discard import discard
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.contract import Failed, FailedFilter, RetryQueue
from owa.views.flash import flash
from owa.views.security import actor_of

SHOWN = 50


@view_defaults(route_name="failed", permission=Capability.EDIT_MODULES, http_cache=0)
class FailedEvents:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._database: Database = self._installation.database
        self._retries: RetryQueue = self._installation.retries

    @view_config(request_method="GET", renderer="admin/failed.jinja2")
    def show(self) -> dict[str, Any]:
        """A page of them, the last failed one first; `before`: those after that place."""
        wanted = _wanted(self._request)
        with self._database.reading() as connection:
            found = self._retries.failed(connection, wanted, SHOWN + 1, _place(self._request.GET.get("before", "")))
            kinds = self._retries.failed_kinds(connection)
        sites = self._installation.configuration.current().sites
        return {
            "events": found[:SHOWN],
            "older": _older(self._request, found[SHOWN - 1]) if len(found) > SHOWN else None,
            "wanted": wanted,
            "total": kinds.total(),
            "types": sorted({event_type for event_type, _ in kinds} | {wanted.event_type} - {""}),
            "sites": sorted({site_id for _, site_id in kinds} | {wanted.site_id} - {""}),
            "domains": {site.site_id: site.domain for site in sites.values()},
        }

    @view_config(request_method="POST")
    def act(self) -> Response:
        match self._request.POST.get("act"):
            case "retry":
                return self._retry()
            case "discard":
                return self._discard()
        raise HTTPBadRequest("The form says neither retry nor discard.")

    def _retry(self) -> Response:
        with self._database.writing() as connection:
            now = self._installation.clock.now()
            retried = self._retries.retry(connection, guids := self._selected(), now)
            for failed in retried:
                audit.record(connection, actor_of(self._request), now, "retry event", str(failed.guid), _noted(failed))
        waiting = sum(bool(failed.waited_for) for failed in retried)
        due = len(retried) - waiting
        return self._done(
            guids,
            retried,
            f"{_events(due)} due now: {self._next_drain()}" if due else "",
            f"{_events(waiting)} waiting again for the first page of their session." if waiting else "",
        )

    def _discard(self) -> Response:
        with self._database.writing() as connection:
            now = self._installation.clock.now()
            discarded = discard(connection, self._retries, guids := self._selected(), now)
            for failed in discarded:
                audit.record(
                    connection, actor_of(self._request), now, "discard event", str(failed.guid), _noted(failed)
                )
        return self._done(guids, discarded, f"{_events(len(discarded))} discarded." if discarded else "")

    def _selected(self) -> list[int]:
        guids = self._request.POST.getall("guid")
        return sorted({int(guid) for guid in guids if re.fullmatch("[0-9]{1,19}", guid) and int(guid) <= LARGEST_ID})

    def _done(self, guids: list[int], found: list[Failed], *sentences: str) -> Response:
        gone = len(guids) - len(found)
        left = f"{_events(gone)} not failed any more, and left alone." if gone else ""
        text = " ".join(filter(None, [*sentences, left])) or "Select events first: none was selected."
        flash(self._request, text)
        return HTTPSeeOther(self._request.route_path("failed", _query=_query(_wanted(self._request))))

    def _next_drain(self) -> str:
        settings = self._installation.configuration.current().settings
        if settings[SCHEDULER]:
            return f"the scheduler takes them within {settings[DRAIN_INTERVAL]} s."
        return "the next drain takes them. Cron begins one, or you on the dashboard."


def _wanted(request: Request) -> FailedFilter:
    """What the address asks for. No database keeps a NUL, so none is looked for."""
    event_type, site_id = (request.GET.get(name, "").replace("\0", "") for name in ("type", "site"))
    return FailedFilter(event_type, site_id)


def _query(wanted: FailedFilter) -> dict[str, str]:
    query = {"type": wanted.event_type, "site": wanted.site_id}
    return {name: value for name, value in query.items() if value}


def _place(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18}|[1-8][0-9]{18})", text)
    return (int(found[1]), int(found[2])) if found else None


def _older(request: Request, last: Failed) -> str:
    failed_at, guid = last.place
    query = _query(_wanted(request)) | {"before": f"{failed_at}-{guid}"}
    return str(request.route_path("failed", _query=query))


def _noted(failed: Failed) -> dict[str, str]:
    return {"event type": failed.event_type, "site": failed.site_id, "error": failed.error}


def _events(count: int) -> str:
    return "1 event is" if count == 1 else f"{count} events are"

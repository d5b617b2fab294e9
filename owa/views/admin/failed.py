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
from owa.queues.contract import Failed, FailedFilter, Key, Place, RetryQueue
from owa.views.flash import flash
from owa.views.security import actor_of

SHOWN = 50

CORE = "core"
"""What the core is called among the handlers."""

GUID = "[0-9]{1,19}"


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
            "types": sorted({kind[0] for kind in kinds} | {wanted.event_type} - {""}),
            "sites": sorted({kind[1] for kind in kinds} | {wanted.site_id} - {""}),
            "handlers": sorted({kind[2] or CORE for kind in kinds} | {_query(wanted).get("handler", CORE)}),
            "wants_handler": _query(wanted).get("handler", ""),
            "name_of": name_of,
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
            retried = self._retries.retry(connection, keys := self._selected(), now)
            for failed in retried:
                audit.record(connection, actor_of(self._request), now, "retry event", str(failed.guid), _noted(failed))
        waiting = sum(bool(failed.waited_for) for failed in retried)
        idle = sorted({failed.handler.partition(":")[0] for failed in retried if failed.handler} - self._at_work())
        due = len(retried) - waiting
        return self._done(
            keys,
            retried,
            f"{_events(due)} due now: {self._next_drain()}" if due else "",
            f"What is for {', '.join(idle)} waits until that is switched on and works." if idle else "",
            f"{_events(waiting)} waiting again for the first page of their session." if waiting else "",
        )

    def _discard(self) -> Response:
        with self._database.writing() as connection:
            now = self._installation.clock.now()
            discarded = discard(connection, self._retries, keys := self._selected(), now)
            for failed in discarded:
                audit.record(
                    connection, actor_of(self._request), now, "discard event", str(failed.guid), _noted(failed)
                )
        return self._done(keys, discarded, f"{_events(len(discarded))} discarded." if discarded else "")

    def _selected(self) -> list[Key]:
        """`GUID`, or `GUID:MODULE:NAME`: what an event handler failed with."""
        found = [re.fullmatch(f"({GUID})(?::([^\0]+))?", text) for text in self._request.POST.getall("guid")]
        return sorted({(int(key[1]), key[2] or "") for key in found if key and int(key[1]) <= LARGEST_ID})

    def _done(self, keys: list[Key], found: list[Failed], *sentences: str) -> Response:
        gone = len(keys) - len(found)
        left = f"{_events(gone)} not failed any more, and left alone." if gone else ""
        text = " ".join(filter(None, [*sentences, left])) or "Select events first: none was selected."
        flash(self._request, text)
        return HTTPSeeOther(self._request.route_path("failed", _query=_query(_wanted(self._request))))

    def _at_work(self) -> set[str]:
        """Modules whose event handlers are given events."""
        return {key.partition(":")[0] for key, _handler in self._installation.registry.event_handlers}

    def _next_drain(self) -> str:
        settings = self._installation.configuration.current().settings
        if settings[SCHEDULER]:
            return f"the scheduler takes them within {settings[DRAIN_INTERVAL]} s."
        return "the next drain takes them. Cron begins one, or you on the dashboard."


def _wanted(request: Request) -> FailedFilter:
    """What the address asks for. No database keeps a NUL, so none is looked for."""
    names = ("type", "site", "handler")
    event_type, site_id, handler = (request.GET.get(name, "").replace("\0", "") for name in names)
    return FailedFilter(event_type, site_id, {"": None, CORE: ""}.get(handler, handler))


def _query(wanted: FailedFilter) -> dict[str, str]:
    handler = CORE if wanted.handler == "" else wanted.handler or ""
    query = {"type": wanted.event_type, "site": wanted.site_id, "handler": handler}
    return {name: value for name, value in query.items() if value}


def _place(text: str) -> Place | None:
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18}|[1-8][0-9]{18})(?::([^\0]+))?", text)
    return (int(found[1]), int(found[2]), found[3] or "") if found else None


def _older(request: Request, last: Failed) -> str:
    query = _query(_wanted(request)) | {"before": f"{last.failed_at}-{name_of(last)}"}
    return str(request.route_path("failed", _query=query))


def _noted(failed: Failed) -> dict[str, str]:
    handler = {"handler": failed.handler} if failed.handler else {}
    return {"event type": failed.event_type, "site": failed.site_id, **handler, "error": failed.error}


def name_of(failed: Failed) -> str:
    """What it is called in forms and addresses."""
    return f"{failed.guid}:{failed.handler}" if failed.handler else str(failed.guid)


def _events(count: int) -> str:
    return "1 event is" if count == 1 else f"{count} events are"

"""Waiting events, by what they wait for."""

import re
from typing import TYPE_CHECKING, Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.contributions import PROCESSING
from owa.db import pauses
from owa.db.pauses import QUEUE
from owa.events import parse_identifier
from owa.processing.settings import ORPHAN_SESSION_AGE, ORPHAN_SESSIONS
from owa.queues.contract import AwaitedPlace, session_of_key
from owa.scheduler.now import Begun
from owa.tracing import waiting_sessions
from owa.tracing.session import AMONG
from owa.views.flash import flash
from owa.views.security import actor_of

if TYPE_CHECKING:
    from owa.app import Installation

SHOWN = 50

MOST = 10_000
"""Events that are counted; of one session a tenth of it."""

LONGEST_KEY = 300


@view_defaults(route_name="waiting", permission=Capability.EDIT_MODULES, http_cache=0)
class WaitingPage:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._application = request.registry["owa"]
        self._installation: Installation = self._application.installation

    @view_config(request_method="GET", renderer="admin/waiting.jinja2")
    def show(self) -> dict[str, Any]:
        """A page of what is waited for, the longest awaited first; `after`: behind that place; `id`: of that session or
        visitor."""
        get, installation = self._request.GET, self._installation
        wanted = get.get("id", "").strip()
        identifier = parse_identifier(wanted)
        is_bad = bool(wanted) and identifier is None
        found = [] if is_bad else waiting_sessions(installation, SHOWN + 1, _place(get.get("after", "")), identifier)
        with installation.database.reading() as connection:
            total = installation.retries.count_waiting(connection, MOST + 1)
            paused = pauses.paused(connection)
        settings = installation.configuration.current().settings
        sites = installation.configuration.current().sites
        return {
            "sessions": found[:SHOWN],
            "next": _text(found[SHOWN - 1].awaited.place) if len(found) > SHOWN and identifier is None else "",
            "is_cut": len(found) > SHOWN,
            "wanted": wanted[:40],
            "is_bad": is_bad,
            "total": total,
            "most": MOST,
            "among": AMONG,
            "adopts": settings[ORPHAN_SESSIONS] == "adopt",
            "age": settings[ORPHAN_SESSION_AGE],
            "paused": [pause for (kind, _), pause in paused.items() if kind == QUEUE],
            "domains": {site.site_id: site.domain for site in sites.values()},
            "now": installation.clock.now(),
        }

    @view_config(request_method="POST")
    def act(self) -> Response:
        match self._request.POST.get("act"):
            case "try":
                self._try(self._request.POST.get("key", "").replace("\0", "")[:LONGEST_KEY])
            case "try-all":
                self._try_all()
            case _:
                raise HTTPBadRequest("The form does not say what to do.")
        return HTTPSeeOther(self._request.route_path("waiting"))

    def _try(self, key: str) -> None:
        if session_of_key(key) is None:
            raise HTTPBadRequest("The form names no session.")
        woken = self._installation.processor.look_again([key])
        self._note("try waiting events", key)
        if not woken:
            flash(self._request, "Its first page view has still not come, or nothing waits for it any more.")
            return
        events = "1 event is" if woken == 1 else f"{woken} events are"
        flash(self._request, f"{events} due now: the session is open. {self._retry()}")

    def _try_all(self) -> None:
        if self._application.run_now.start("sweep") is Begun.HELD:
            self._application.wishing.wish("sweep")
            flash(self._request, "Another process runs that job: it begins within seconds. Reload this page then.")
            return
        self._note("try waiting events", "all")
        told = self._application.run_now.outcome("sweep", 1.0)
        if told is None:
            flash(self._request, "All are being looked through, in the background: reload this page.")
            return
        flash(self._request, f"All were looked through: {told} {self._retry()}")

    def _retry(self) -> str:
        """Have what is due processed; returns a sentence on it."""
        with self._installation.database.reading() as connection:
            if pauses.find(connection, QUEUE, PROCESSING):
                return f"The queue {PROCESSING} is paused: nothing of it is processed until it is resumed."
        if self._application.run_now.start("retry") is Begun.HELD:
            return "The process that runs the job retry takes them within seconds."
        told = self._application.run_now.outcome("retry", 1.0)
        return told if told is not None else "They are being processed, in the background."

    def _note(self, action: str, subject: str) -> None:
        with self._installation.database.writing() as connection:
            audit.record(connection, actor_of(self._request), self._installation.clock.now(), action, subject)


def _place(text: str) -> AwaitedPlace | None:
    found = re.fullmatch(r"([0-9]{1,18}):([^\0]{1,300})", text)
    return (int(found[1]), found[2]) if found else None


def _text(place: AwaitedPlace) -> str:
    return f"{place[0]}:{place[1]}"

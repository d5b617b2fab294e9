"""Failed events: the list, and what is done about them."""

import re
from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from sqlalchemy import Connection

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.db import failed_acts
from owa.db.engine import Database
from owa.errors import HeldByAnother
from owa.events import LARGEST_ID, parse_identifier
from owa.masking import masked_text
from owa.processing.act_on_all import ActOnAll
from owa.processing.acts import DO, Act
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.contract import Capped, Failed, FailedState, Key, Place, RetryQueue
from owa.queues.settings import UNDO_DISCARD_DAYS
from owa.views.admin.failed_query import CORE, asked, in_words, place, place_text, query_of
from owa.views.admin.progress import progress_of
from owa.views.flash import flash
from owa.views.security import actor_of

SHOWN = 50
CHOICES = 100
"""Types, sites and handlers that the filter offers."""

PATIENCE = 1.0
"""Seconds that a request waits for what it began: most is done by then."""

GUID = "[0-9]{1,19}"

_NOTED = {
    Act.RETRY: "retry event",
    Act.DISCARD: "discard event",
    Act.RESTORE: "undo discard of event",
    Act.RETRY_NOW: "retry event now",
    Act.GIVE_UP: "discard event",
}
_NOT = {
    FailedState.FAILED: "not failed any more",
    FailedState.DISCARDED: "not discarded any more",
    FailedState.RETRYING: "being processed, or not retried any more",
}
_ALL = {f"{act.value}_all": act for act in Act}


@view_defaults(route_name="failed", permission=Capability.EDIT_MODULES, http_cache=0)
class FailedEvents:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._database: Database = self._installation.database
        self._retries: RetryQueue = self._installation.retries
        self._all: ActOnAll = request.registry["owa"].act_on_all
        self._asked = asked(request)

    @view_config(request_method="GET", renderer="admin/failed.jinja2")
    def show(self) -> dict[str, Any]:
        """A page of them, the last failed one first; `before`: those after that place."""
        wanted, before = self._asked.wanted, place(self._request.GET.get("before", ""))
        with self._database.reading() as connection:
            last, found, count = self._listed(connection, before)
            kinds = self._retries.failed_kinds(connection, CHOICES, wanted.state)
            act = failed_acts.latest(connection)
        current = self._installation.configuration.current()
        return {
            "events": found[:SHOWN],
            "older": self._older(found[SHOWN - 1].place) if len(found) > SHOWN else None,
            "further": self._older(last) if len(found) <= SHOWN and last else None,
            "asked": self._asked,
            "wanted": wanted,
            "count": count,
            "any": bool(kinds.event_types or found),
            "types": sorted({*kinds.event_types, wanted.event_type} - {""}),
            "sites": sorted({*kinds.site_ids, wanted.site_id} - {""}),
            "handlers": sorted({*(key or CORE for key in kinds.handlers), self._asked.texts.get("handler", CORE)}),
            "wants_handler": self._asked.texts.get("handler", ""),
            "name_of": name_of,
            "domains": {site.site_id: site.domain for site in current.sites.values()},
            "states": tuple(FailedState),
            "progress": progress_of(act, self._installation.clock.now()),
            "undo_days": current.settings[UNDO_DISCARD_DAYS],
        }

    def _listed(self, connection: Connection, before: Place | None) -> tuple[Place | None, list[Failed], Capped]:
        """How far was looked, what is found there, and how many there are: nothing if the filter cannot be read."""
        if self._asked.problems:
            return None, [], Capped(0)
        wanted = self._asked.wanted
        last = self._retries.failed_reach(connection, wanted, before)
        found = self._retries.failed(connection, wanted, SHOWN + 1, before, last)
        return last, found, self._retries.count_failed(connection, wanted)

    @view_config(request_method="POST")
    def act(self) -> Response:
        chosen = self._request.POST.get("act", "")
        if chosen in _ALL:
            return self._act_on_all(_ALL[chosen])
        if chosen == "dismiss":
            return self._dismiss()
        if chosen not in set(Act):
            raise HTTPBadRequest("The form does not say what to do.")
        act = Act(chosen)
        with self._database.writing() as connection:
            now = self._installation.clock.now()
            changed = DO[act](connection, self._retries, keys := self._selected(), now)
            for failed in changed:
                audit.record(connection, actor_of(self._request), now, _NOTED[act], str(failed.guid), _noted(failed))
        return self._done(keys, changed, act)

    def _dismiss(self) -> Response:
        number = parse_identifier(self._request.POST.get("number", ""))
        if number is None:
            raise HTTPBadRequest("The form does not say what to dismiss.")
        with self._database.writing() as connection:
            failed_acts.dismiss(connection, number, self._installation.clock.now())
        return HTTPSeeOther(self._request.route_path("failed", _query=query_of(self._asked.wanted)))

    def _act_on_all(self, act: Act) -> Response:
        if self._asked.problems or self._asked.wanted.state is not act.of:
            raise HTTPBadRequest(f"Nothing was done. {' '.join(self._asked.problems)}".rstrip())
        try:
            total = self._all.start(act, self._asked.wanted, self._request.identity.user.user_id, self._note(act))
        except HeldByAnother as error:
            return self._back(str(error))
        if not self._all.wait(PATIENCE):
            return self._back(f"{total:,} events are worked on in the background.")
        with self._database.reading() as connection:
            done = failed_acts.latest(connection)
        if done is None or done.result != failed_acts.DONE:
            return self._back(f"It has stopped: {done.detail if done else ''}")
        return self._back(_told_of_all(act, done.done))

    def _note(self, act: Act) -> Callable[[Connection, int], None]:
        """One entry of the trail, whatever becomes of the process."""
        actor, wanted, entry = actor_of(self._request), self._asked.wanted, [0]
        now = self._installation.clock.now()

        def note(connection: Connection, done: int) -> None:
            if not done:
                subject = "all that match"
                filters: dict[str, Any] = {"filter": in_words(wanted)}
                entry[0] = audit.record(
                    connection, actor, now, f"{act.value.replace('_', ' ')} events", subject, filters, {"events": 0}
                )
            else:
                audit.amend(connection, entry[0], {"events": done})

        return note

    def _selected(self) -> list[Key]:
        """`GUID`, or `GUID:MODULE:NAME`: what an event handler failed with."""
        found = [re.fullmatch(f"({GUID})(?::([^\0]+))?", text) for text in self._request.POST.getall("guid")]
        return sorted({(int(key[1]), key[2] or "") for key in found if key and int(key[1]) <= LARGEST_ID})

    def _done(self, keys: list[Key], changed: list[Failed], act: Act) -> Response:
        gone = len(keys) - len(changed)
        left = f"{_events(gone)} {_NOT[act.of]}, and left alone." if gone else ""
        sentences = (
            self._retried(changed)
            if act in (Act.RETRY, Act.RETRY_NOW)
            else [_told(act, len(changed))]
            if changed
            else []
        )
        return self._back(" ".join(filter(None, [*sentences, left])) or "Select events first: none was selected.")

    def _retried(self, retried: list[Failed]) -> list[str]:
        waiting = sum(bool(failed.waited_for) for failed in retried)
        idle = sorted({failed.handler.partition(":")[0] for failed in retried if failed.handler} - self._at_work())
        due = len(retried) - waiting
        return [
            f"{_events(due)} due now: {self._next_drain()}" if due else "",
            f"What is for {', '.join(idle)} waits until that is switched on and works." if idle else "",
            f"{_events(waiting)} waiting again for the first page of their session." if waiting else "",
        ]

    def _back(self, text: str) -> Response:
        flash(self._request, text)
        return HTTPSeeOther(self._request.route_path("failed", _query=query_of(self._asked.wanted)))

    def _at_work(self) -> set[str]:
        """Modules whose event handlers are given events."""
        return {key.partition(":")[0] for key, _handler in self._installation.registry.event_handlers}

    def _next_drain(self) -> str:
        settings = self._installation.configuration.current().settings
        if settings[SCHEDULER]:
            return f"the scheduler takes them within {settings[DRAIN_INTERVAL]} s."
        return "the next drain takes them. Cron begins one, or you on the dashboard."

    def _older(self, spot: Place) -> str:
        query = query_of(self._asked.wanted) | {"before": place_text(spot)}
        return str(self._request.route_path("failed", _query=query))


def _noted(failed: Failed) -> dict[str, str]:
    handler = {"handler": failed.handler} if failed.handler else {}
    return {"event type": failed.event_type, "site": failed.site_id, **handler, "error": masked_text(failed.error)}


def name_of(failed: Failed) -> str:
    """What it is called in forms and addresses."""
    return f"{failed.guid}:{failed.handler}" if failed.handler else str(failed.guid)


def _told(act: Act, count: int) -> str:
    if act in (Act.DISCARD, Act.GIVE_UP):
        return f"{_events(count)} discarded."
    if act is Act.RETRY_NOW:
        return f"{_events(count)} due now."
    return f"{_events(count)} {'a failed one' if count == 1 else 'failed ones'} again."


def _told_of_all(act: Act, count: int) -> str:
    if not count:
        return "Nothing matched any more."
    return f"{_events(count)} due now, or waiting again." if act is Act.RETRY else _told(act, count)


def _events(count: int) -> str:
    return "1 event is" if count == 1 else f"{count:,} events are"

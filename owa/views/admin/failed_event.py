"""One failed event."""

from typing import Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPForbidden
from pyramid.request import Request
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.delivery.trying import DeliveryTrials
from owa.errors import RecordError
from owa.events import LARGEST_ID, Event, loads
from owa.masking import masked_payload, masked_text, masked_value
from owa.processing.trying import Trials
from owa.queues.contract import Attempt, Failed
from owa.views.admin.failed import name_of
from owa.views.payload import pretty
from owa.views.security import actor_of

LONGEST_VALUE = 120
"""Characters of a column's value that are shown."""

Found = tuple[Failed | None, list[Attempt]]


@view_defaults(
    route_name="failed_event",
    renderer="admin/failed_event.jinja2",
    permission=Capability.EDIT_MODULES,
    http_cache=0,
)
class FailedEvent:
    """`handler` in the address: which event handler failed with it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        """Everything about it, personal fields masked; `all`: long values too. 404 when it has not failed, or is
        finished."""
        return self._shown(*self._find())

    @view_config(request_method="POST")
    def act(self) -> dict[str, Any]:
        """Show more of it. What is retried or discarded is another form's."""
        failed, attempts = self._find()
        match self._request.POST.get("act"):
            case "reveal":
                return self._reveal(failed, attempts)
            case "try":
                return self._shown(failed, attempts, tried=self._try(failed) if failed else None)
        raise HTTPBadRequest("The form says neither reveal nor try.")

    def _reveal(self, failed: Failed | None, attempts: list[Attempt]) -> dict[str, Any]:
        if not self._may_reveal():
            raise HTTPForbidden(f"{self._request.identity.user.user_id} may not see personal fields.")
        if failed:
            with self._installation.database.writing() as connection:
                now, actor = self._installation.clock.now(), actor_of(self._request)
                audit.record(connection, actor, now, "reveal personal fields of event", str(failed.guid))
        return self._shown(failed, attempts, is_revealed=True)

    def _try(self, failed: Failed) -> object:
        opened = self._installation
        if failed.handler:
            return DeliveryTrials(opened).run(failed)
        return Trials(opened.database, opened.handlers, opened.contexts.processing).run(failed)

    def _shown(
        self, failed: Failed | None, attempts: list[Attempt], *, is_revealed: bool = False, tried: object = None
    ) -> dict[str, Any]:
        guid = self._request.matchdict["guid"]
        if failed is None:
            self._request.response.status_int = 404
            return {"failed": None, "guid": guid}
        site = self._installation.configuration.current().sites.get(failed.site_id)
        payload = failed.payload if is_revealed else masked_payload(failed.payload)
        text, has_cut = pretty(payload, whole="all" in self._request.GET)
        return {
            "failed": failed,
            "name_of": name_of,
            "with_handler": {"handler": failed.handler} if failed.handler else {},
            "guid": guid,
            "event": _event(failed.payload),
            "domain": site.domain if site else "",
            "payload": text,
            "has_cut": has_cut,
            "attempts": attempts,
            "is_revealed": is_revealed,
            "may_reveal": self._may_reveal(),
            "masked": (lambda text: text) if is_revealed else masked_text,
            "value": _value,
            "tried": tried,
        }

    def _may_reveal(self) -> bool:
        return bool(self._request.identity.may(Capability.EDIT_SETTINGS))

    def _find(self) -> Found:
        guid = int(self._request.matchdict["guid"])
        handler = self._request.GET.get("handler", "").replace("\0", "")
        if guid > LARGEST_ID:
            return None, []
        with self._installation.database.reading() as connection:
            found: Failed | None = self._installation.retries.find_failed(connection, (guid, handler))
            return found, self._installation.retries.attempts(connection, (guid, handler)) if found else []


def _event(payload: bytes) -> Event | None:
    try:
        return loads(payload)
    except RecordError:
        return None


def _value(name: str, value: Any) -> str:
    """Of a column of a table, masked and cut."""
    if value is None:
        return "–"
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    shown = str(masked_value(name, text))
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[:LONGEST_VALUE]}…"

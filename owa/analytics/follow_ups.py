"""What follows from an event, for event handlers that want to know: it is told at least once, under a stable key."""

from collections.abc import Iterable, Mapping

from owa.analytics.order import Order
from owa.analytics.session_sums import Conversion
from owa.analytics.sessions import SessionId
from owa.contributions import FollowUp, ProcessingContext
from owa.events import Event
from owa.identity import text_id


class FollowUps:
    """Gathers what a batch leads to, of what somebody wants to know."""

    def __init__(self, context: ProcessingContext) -> None:
        self._wanted = context.wanted
        self.events: list[Event] = []

    def facts_stored(self, events: Iterable[tuple[Event, int]]) -> None:
        """Each with the id of the session that it belongs to."""
        if FollowUp.FACT_STORED in self._wanted:
            for event, session_id in events:
                self._add(FollowUp.FACT_STORED, event, session_id, (event.guid,), event_type=event.event_type)

    def new_session(self, event: Event, *, adopted: bool) -> None:
        """`event`: the page view that has opened it. An earlier one may still take its place."""
        key = event.site_id, event.session_id
        self._add(FollowUp.NEW_SESSION, event, event.session_id, key, adopted=adopted)

    def session_update(self, event: Event) -> None:
        """`event`: a further page view."""
        self._add(FollowUp.SESSION_UPDATE, event, event.session_id, (event.guid,))

    def orders_stored(self, orders: Iterable[Order]) -> None:
        for order in orders:
            event, key = order.fact.event, (order.id, order.fact.event.guid)
            named = {"transaction": str(order.id), "order_id": order.row["order_id"]}
            self._add(FollowUp.TRANSACTION_STORED, event, order.fact.session_id, key, **named)

    def conversions(self, conversions: Iterable[Conversion], events: Mapping[SessionId, Event]) -> None:
        """`events`: one of each session, which was there when it was noticed."""
        for found in conversions:
            key = *found.session, found.goal
            event, session_id = events[found.session], found.session[1]
            self._add(FollowUp.CONVERSION, event, session_id, key, goal=found.goal, value=found.value)

    def _add(
        self, kind: FollowUp, cause: Event, session_id: int, key: tuple[object, ...], **properties: object
    ) -> None:
        if kind not in self._wanted:
            return
        name = ":".join(map(str, (kind.value, *key)))
        self.events.append(
            Event(
                guid=text_id(name) or 1,
                event_type=kind.value,
                site_id=cause.site_id,
                visitor_id=cause.visitor_id,
                session_id=session_id,
                received_at=cause.received_at,
                server=cause.server,
                properties={"key": name, "event": str(cause.guid), **properties},
            )
        )

"""The handler of orders. Of several events of one order the least one counts, whichever comes first."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, select

from owa.analytics.dimensions import store_dimensions
from owa.analytics.fact import Derivation, Fact
from owa.analytics.facts import coerced, only_new, session_of, waiting
from owa.analytics.follow_ups import FollowUps
from owa.analytics.merges import merge
from owa.analytics.order import DELAYED, ORDER, Order, order
from owa.analytics.order_entries import follow_entries
from owa.analytics.session_sums import News, take_in
from owa.analytics.sessions import SessionId, open_sessions
from owa.analytics.tables import LINE_ITEM, ORDER_EVENT, TRANSACTION
from owa.analytics.visitors import store_visitors
from owa.contributions import Handled, ProcessingContext
from owa.db.bulk import chunks, insert_new
from owa.events import Event, Key


class Orders:
    """See `owa.contributions.FactHandler`."""

    event_types = frozenset((ORDER,))
    may_be_tried = True

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        new, duplicates = only_new(connection, ORDER_EVENT, events)
        facts = list(map(Derivation(context, DELAYED).fact, new))
        found = list(map(order, facts))
        _INSERT_EVENTS.run(connection, [_event_row(fact) for fact in facts])
        store_dimensions(connection, facts)
        store_visitors(connection, context, facts)
        winners, changed = _store(connection, found)
        opened = open_sessions(connection, {*changed, *map(session_of, facts)})
        news = News.of_goals(fact for fact in facts if session_of(fact) in opened)
        news.ordered = changed & opened.keys()
        conversions = take_in(connection, news, context)
        follow_entries(connection, news.ordered)
        follow_ups = FollowUps(context)
        follow_ups.facts_stored((fact.event, fact.session_id) for fact in facts)
        follow_ups.orders_stored(winners)
        follow_ups.conversions(conversions, {session_of(fact): fact.event for fact in facts})
        return Handled(duplicates, waiting(facts, opened), coerced=coerced(facts), follow_ups=follow_ups.events)

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """Its session took it in when it was opened."""
        facts = list(map(Derivation(context, DELAYED).fact, events))
        return Handled(waiting=waiting(facts, open_sessions(connection, map(session_of, facts))))

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """It cannot open a session. If that opens after all, it takes in what is stored."""
        return Handled()

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        return []


def _store(connection: Connection, orders: Iterable[Order]) -> tuple[list[Order], set[SessionId]]:
    """Store those that are less than all others of the same order; returns them, and the sessions whose orders have
    changed."""
    least: dict[int, Order] = {}
    for one in orders:
        if one.id not in least or one.fact.key < least[one.id].fact.key:
            least[one.id] = one
    changed: set[SessionId] = set()
    for identity, (key, session) in _stored(connection, least).items():
        if key < least[identity].fact.key:
            del least[identity]
        else:
            changed.add(session)
    for part in chunks(sorted(least)):
        connection.execute(delete(LINE_ITEM).where(LINE_ITEM.c.transaction_id.in_(part)))
    winners = [least[identity] for identity in sorted(least)]
    _STORE.run(connection, [one.row for one in winners])
    _INSERT_ITEMS.run(connection, [item for one in winners for item in one.items])
    return winners, changed | {session_of(one.fact) for one in winners}


def _stored(connection: Connection, identities: Iterable[int]) -> dict[int, tuple[Key, SessionId]]:
    """Of orders that are stored: the key of the event that decided, and the session."""
    table = TRANSACTION.c
    columns = (table.id, table.received_at, table.event_guid, table.site_id, table.session_id)
    found = {}
    for part in chunks(sorted(identities)):
        for identity, at, guid, site_id, session_id in connection.execute(select(*columns).where(table.id.in_(part))):
            found[identity] = (at, guid), (site_id, session_id)
    return found


def _event_row(fact: Fact) -> dict[str, object]:
    site_id, session_id = session_of(fact)
    return {"id": fact.event.guid, "site_id": site_id, "session_id": session_id, "goals": fact.goals or None}


_INSERT_EVENTS = insert_new(ORDER_EVENT, ORDER_EVENT.columns.keys())
_INSERT_ITEMS = insert_new(LINE_ITEM, LINE_ITEM.columns.keys())
_COLUMNS = [column.name for column in TRANSACTION.columns if column.name != "id"]
_STORE = merge(TRANSACTION, ("id",), lambda new, _old: {name: new[name] for name in _COLUMNS})

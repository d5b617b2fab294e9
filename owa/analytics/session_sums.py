"""What a session takes from its orders and from the goals that it reached: sums of what is stored, and not of what has
come, so that they follow when a lesser event replaces an order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, bindparam, func, literal_column, select, update

from owa.analytics.fact import Fact
from owa.analytics.goals import goals_of
from owa.analytics.sessions import SessionId
from owa.analytics.tables import ACTION, CLICK, GOALS, LINE_ITEM, ORDER_EVENT, SESSION, TRANSACTION
from owa.contributions import ProcessingContext, Site
from owa.db.bulk import Condition, LookUp, look_up

Masks = Mapping[SessionId, int]
"""Goals, a bit for each."""

Worth = Mapping[int, int | None]
"""What goals are worth, by their numbers."""


@dataclass(slots=True)
class News:
    """What a batch brings to open sessions."""

    opened: set[SessionId] = field(default_factory=set)
    """They have just been opened: all that is stored of them counts."""
    goals: dict[SessionId, int] = field(default_factory=dict)
    """Goals that new events reached, a bit for each."""
    ordered: set[SessionId] = field(default_factory=set)
    """Their orders have changed."""

    @classmethod
    def of_goals(cls, facts: Iterable[Fact]) -> "News":
        """Of events of open sessions."""
        news = cls()
        for fact in facts:
            news.reach((fact.event.site_id, fact.session_id), fact.goals)
        return news

    def reach(self, session: SessionId, goals: int) -> None:
        if goals:
            self.goals[session] = self.goals.get(session, 0) | goals


@dataclass(frozen=True, slots=True)
class Conversion:
    """A session has reached a goal."""

    session: SessionId
    goal: int
    value: int
    """Cents."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a session takes from an order."""

    total: int | None
    tax: int | None
    shipping: int | None
    goals: int


@dataclass(frozen=True, slots=True)
class Items:
    """What a session takes from the line items of its orders."""

    count: int = 0
    quantity: int = 0
    revenue: int = 0


def take_in(connection: Connection, news: News, context: ProcessingContext) -> list[Conversion]:
    """Write the sums and goals of these sessions anew; returns the goals that they had not reached before."""
    reached = dict(news.goals)
    with_goals = {session for session in news.opened if _has_goals(session[0], context)}
    for session, mask in _stored_goals(connection, with_goals).items():
        reached[session] = reached.get(session, 0) | mask
    orders = _orders(connection, news.opened | news.ordered | reached.keys())
    _write_sums(connection, orders, (news.opened & orders.keys()) | news.ordered)
    return _write_goals(connection, orders, reached, news.ordered, context)


def sums_and_goals(
    connection: Connection, reached: Masks, worth: Mapping[SessionId, Worth], context: ProcessingContext
) -> dict[SessionId, dict[str, Any]]:
    """The columns that open sessions take from all that is stored of them. `reached`: the goals that their page views
    reach. `worth`: what goals are worth to them that their site has no more."""
    stored, orders = _stored_goals(connection, reached), _orders(connection, reached)
    items = _items(connection, reached)
    found = {}
    for session, mask in reached.items():
        own = orders.get(session, ())
        found[session] = _sums(own, items.get(session, Items()))
        if mask := mask | stored.get(session, 0):
            static = _static_values(session[0], context)
            found[session] |= _goal_columns(mask, worth.get(session, {}), own, static)
    return found


def _stored_goals(connection: Connection, sessions: Iterable[SessionId]) -> dict[SessionId, int]:
    """The goals that the stored events of sessions reached, page views aside."""
    found: dict[SessionId, int] = defaultdict(int)
    wanted = set(sessions)
    for table in (ACTION, CLICK, ORDER_EVENT):
        for row in _rows(connection, wanted, table, "goals"):
            found[row.site_id, row.session_id] |= row.goals or 0
    return {session: mask for session, mask in found.items() if mask}


def _orders(connection: Connection, sessions: Iterable[SessionId]) -> dict[SessionId, list[Order]]:
    """The orders of the sessions that have some, the least first."""
    names = ("total_revenue", "tax_revenue", "shipping_revenue", "goals", "received_at", "event_guid")
    rows = sorted(_rows(connection, sessions, TRANSACTION, *names), key=lambda row: (row.received_at, row.event_guid))
    found: dict[SessionId, list[Order]] = defaultdict(list)
    for row in rows:
        order = Order(row.total_revenue, row.tax_revenue, row.shipping_revenue, row.goals or 0)
        found[row.site_id, row.session_id].append(order)
    return found


def _items(connection: Connection, sessions: Iterable[SessionId]) -> dict[SessionId, Items]:
    found: dict[SessionId, Items] = {}
    for site_id, session_id, *numbers in _ITEMS.rows(connection, {session_id for _, session_id in sessions}):
        found[site_id, session_id] = Items(*map(int, numbers))
    return found


def _select_items(among: Condition) -> Select[Any]:
    table = LINE_ITEM.c
    zero: ColumnElement[int] = literal_column("0")
    sums = (func.coalesce(func.sum(column), zero) for column in (table.quantity, table.item_revenue))
    statement = select(table.site_id, table.session_id, func.count(), *sums).where(among(table.session_id))
    return statement.group_by(table.site_id, table.session_id)


_ITEMS = LookUp(_select_items)


def _write_sums(
    connection: Connection, orders: Mapping[SessionId, Sequence[Order]], sessions: Iterable[SessionId]
) -> None:
    ordered = sorted(sessions)
    items = _items(connection, ordered)
    rows = [_sums(orders.get(session, ()), items.get(session, Items())) for session in ordered]
    _update(connection, ordered, rows)


def _sums(orders: Sequence[Order], items: Items) -> dict[str, Any]:
    return {
        "commerce_trans_count": len(orders),
        "commerce_trans_revenue": sum(order.total or 0 for order in orders),
        "commerce_tax_revenue": sum(order.tax or 0 for order in orders),
        "commerce_shipping_revenue": sum(order.shipping or 0 for order in orders),
        "commerce_items_count": items.count,
        "commerce_items_quantity": items.quantity,
        "commerce_items_revenue": items.revenue,
    }


def _write_goals(
    connection: Connection,
    orders: Mapping[SessionId, Sequence[Order]],
    reached: Masks,
    ordered: Iterable[SessionId],
    context: ProcessingContext,
) -> list[Conversion]:
    """An order may change what a goal is worth that was reached before."""
    stored = _goals_of_sessions(connection, {*reached, *(one for one in ordered if _has_goals(one[0], context))})
    sessions, rows, conversions = [], [], []
    for session, before in sorted(stored.items()):
        mask = reached.get(session, 0) | sum(1 << number - 1 for number in before)
        if mask:
            sessions.append(session)
            row = _goal_columns(mask, before, orders.get(session, ()), _static_values(session[0], context))
            rows.append(row)
            new = [number for number in GOALS if row[f"goal_{number}"] and number not in before]
            conversions += [Conversion(session, number, row[f"goal_{number}_value"]) for number in new]
    _update(connection, sessions, rows)
    return conversions


def _goal_columns(mask: int, before: Worth, orders: Sequence[Order], static: Mapping[int, int]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    values = []
    for number in GOALS:
        bit = 1 << number - 1
        value = None
        if mask & bit:
            least = next((order for order in orders if order.goals & bit), None)
            value = least.total if least and least.total is not None else static.get(number, before.get(number) or 0)
            values.append(value)
        columns |= {f"goal_{number}": 1 if mask & bit else None, f"goal_{number}_value": value}
    return {**columns, "num_goals": len(values), "goals_value": sum(values)}


def _goals_of_sessions(connection: Connection, sessions: Iterable[SessionId]) -> dict[SessionId, dict[int, int | None]]:
    """The goals that sessions have reached so far, and what they are worth."""
    names = [name for number in GOALS for name in (f"goal_{number}", f"goal_{number}_value")]
    return {
        (row.site_id, row.session_id): {
            number: getattr(row, f"goal_{number}_value") for number in GOALS if getattr(row, f"goal_{number}")
        }
        for row in _rows(connection, sessions, SESSION, *names, session_column="id")
    }


def _static_values(site_id: str, context: ProcessingContext) -> dict[int, int]:
    return {goal.number: goal.value for goal in goals_of(context.sites.get(site_id) or Site(site_id, ""))}


def _has_goals(site_id: str, context: ProcessingContext) -> bool:
    site = context.sites.get(site_id)
    return site is not None and bool(goals_of(site))


def _rows(
    connection: Connection, sessions: Iterable[SessionId], table: Table, *names: str, session_column: str = "session_id"
) -> Iterator[Row[Any]]:
    """Rows of these sessions with `site_id`, `session_id` and the columns of these names."""
    wanted = set(sessions)
    for row in _look_up(table, names, session_column).rows(connection, {session_id for _, session_id in wanted}):
        if (row.site_id, row.session_id) in wanted:
            yield row


@cache
def _look_up(table: Table, names: tuple[str, ...], session_column: str) -> LookUp:
    session = table.c[session_column]
    return look_up(table.c.site_id, session.label("session_id"), *(table.c[name] for name in names), by=session)


def _update(connection: Connection, sessions: Sequence[SessionId], rows: Sequence[dict[str, Any]]) -> None:
    """Write columns, the same in all rows, into the sessions' rows."""
    if not rows:
        return
    own = (SESSION.c.id == bindparam("its_id")) & (SESSION.c.site_id == bindparam("its_site"))
    statement = update(SESSION).where(own).values({name: bindparam(name) for name in rows[0]})
    keys = ({"its_site": site_id, "its_id": session_id} for site_id, session_id in sessions)
    connection.execute(statement, [{**key, **row} for key, row in zip(keys, rows, strict=True)])

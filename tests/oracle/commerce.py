"""Orders: what an event says of one, which of several events counts, and what a session has bought."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.oracle.events import Fact, Row, Session
from tests.oracle.texts import text_id, words
from tests.oracle.values import LARGEST_AMOUNT, Values


@dataclass(frozen=True)
class Order:
    """What one event says of an order."""

    fact: Fact
    row: Row
    items: list[Row]


def orders(transactions: list[Fact]) -> list[Order]:
    """Of the events of each order the least one; `transactions`: least key first."""
    found: dict[int, Order] = {}
    for order in map(_order, transactions):
        found.setdefault(order.row["id"], order)
    return list(found.values())


def follow(order: Order, entries: Mapping[Session, Row]) -> None:
    """Give an order that belongs to an earlier session what it copies from that one's entry. `entries`: rows of
    `owa_request`."""
    entry = entries.get(order.fact.session)
    if order.fact.original_session is not None and entry:
        for row in (order.row, *order.items):
            row |= {name: entry[name] for name in _FROM_ENTRY}


def sums(bought: list[Order]) -> Row:
    """A session's columns."""
    items = [item for order in bought for item in order.items]
    return {
        "commerce_trans_count": len(bought),
        "commerce_trans_revenue": sum(order.row["total_revenue"] or 0 for order in bought),
        "commerce_tax_revenue": sum(order.row["tax_revenue"] or 0 for order in bought),
        "commerce_shipping_revenue": sum(order.row["shipping_revenue"] or 0 for order in bought),
        "commerce_items_count": len(items),
        "commerce_items_quantity": sum(item["quantity"] or 0 for item in items),
        "commerce_items_revenue": sum(item["item_revenue"] or 0 for item in items),
    }


def _order(fact: Fact) -> Order:
    values = fact.values
    order_id = values.text("ct_order_id")
    name = order_id.strip() or fact.guid
    common = {
        **fact.block,
        "document_id": text_id(fact.url),
        "order_id": order_id or None,
        "received_at": fact.received_at,
        "original_session": None if fact.original_session is None else 1,
    }
    row = {
        **common,
        "id": text_id(f"{fact.site_id}\0{name}") if order_id else fact.guid,
        "order_source": values.text("ct_order_source") or None,
        "gateway": values.text("ct_gateway") or None,
        "total_revenue": values.money("ct_total"),
        "tax_revenue": values.money("ct_tax"),
        "shipping_revenue": values.money("ct_shipping"),
        "event_guid": fact.guid,
        "goals": fact.goals,
    }
    of_order = {**common, "transaction_id": row["id"]}
    items: dict[int, Row] = {}
    for number, line in enumerate(values.nested("ct_line_items")):
        item = _item(line)
        sku = item["sku"].strip() if item["sku"] else f"\0{number}"
        identity = text_id(f"{fact.site_id}\0{name}\0{sku}")
        items[identity] = _added(items[identity], item) if identity in items else {**of_order, "id": identity, **item}
    return Order(fact, row, list(items.values()))


def _item(line: Values) -> Row:
    price, quantity = line.money("li_unit_price"), line.whole("li_quantity")
    return {
        "sku": line.text("li_sku") or None,
        "product_name": line.text("li_product_name") or None,
        "category": line.text("li_category") or None,
        "unit_price": price,
        "quantity": quantity,
        "item_revenue": _revenue(price, quantity),
    }


def _revenue(price: int | None, quantity: int | None) -> int | None:
    """More than an amount can be is none: it would not fit its column."""
    if price is None or quantity is None or abs(price * quantity) > LARGEST_AMOUNT:
        return None
    return price * quantity


def _added(first: Row, item: Row) -> Row:
    """The first line of a sku, and another one of the same."""
    sums = {}
    for name in ("quantity", "item_revenue"):
        known = [row[name] for row in (first, item) if row[name] is not None]
        sums[name] = sum(known) if known else None
    return {**first, **sums}


_CUSTOM_VARIABLES = [f"cv{number}_{part}" for number in range(1, 6) for part in ("name", "value")]
_FROM_ENTRY = _CUSTOM_VARIABLES + words(
    """
    visitor_id referer_id ua_id host_id os_id location_id referring_search_term_id ip_address is_new_visitor
    is_repeat_visitor language days_since_prior_session days_since_first_session num_prior_sessions medium source_id
    ad_id campaign_id user_name
    """
)

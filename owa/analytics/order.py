"""An order: what an event `ecommerce.transaction` says, as rows. Money is in cents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from owa.analytics.fact import Fact, shared_columns
from owa.analytics.properties import LARGEST_AMOUNT, Properties
from owa.analytics.tables import LINE_ITEM, TRANSACTION
from owa.identity import text_id

ORDER = "ecommerce.transaction"

DELAYED = "original_session_id"
"""Names the session that an order belongs to which is confirmed later, as by a payment service."""

_SEPARATOR = "\0"
"""Occurs in no text: parameters have none."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """An order, as one event tells it."""

    fact: Fact
    row: Row
    """Of `owa_commerce_transaction_fact`."""
    items: tuple[Row, ...]
    """Of `owa_commerce_line_item_fact`."""

    @property
    def id(self) -> int:
        """The same for all events of the order."""
        return int(self.row["id"])


def order(fact: Fact) -> Order:
    """Derive the rows. An order without an id of its own is known by its event's."""
    event, values = fact.event, fact.values
    order_id = values.text("ct_order_id")
    name = _SEPARATOR.join((event.site_id, order_id.strip() or str(event.guid)))
    shared = shared_columns(fact)
    shared |= {
        "id": text_id(name) if order_id else event.guid,
        "order_id": order_id or None,
        "original_session": 1 if values.identifier(DELAYED) else None,
    }
    row = {
        **_EMPTY_TRANSACTION,
        **shared,
        "order_source": values.text("ct_order_source") or None,
        "gateway": values.text("ct_gateway") or None,
        "total_revenue": values.money("ct_total"),
        "tax_revenue": values.money("ct_tax"),
        "shipping_revenue": values.money("ct_shipping"),
        "event_guid": event.guid,
    }
    parts = values.parts("ct_line_items")
    items = _added_up(_item(number, part, name, shared) for number, part in enumerate(parts))
    for part in parts:
        values.coerced_in(part)
    return Order(fact, row, items)


def _item(number: int, values: Properties, order_name: str, shared: Row) -> Row:
    """Those without a sku are told apart by their numbers."""
    sku = values.text("li_sku")
    price, quantity = values.money("li_unit_price"), values.integer("li_quantity")
    return {
        **_EMPTY_ITEM,
        **shared,
        "id": text_id(_SEPARATOR.join((order_name, *((sku.strip(),) if sku else ("", str(number)))))),
        "sku": sku or None,
        "product_name": values.text("li_product_name") or None,
        "category": values.text("li_category") or None,
        "unit_price": price,
        "quantity": quantity,
        "item_revenue": _revenue(price, quantity),
        "transaction_id": shared["id"],
    }


def _revenue(price: int | None, quantity: int | None) -> int | None:
    if price is None or quantity is None or abs(price * quantity) > LARGEST_AMOUNT:
        return None
    return price * quantity


def _added_up(items: Iterable[Row]) -> tuple[Row, ...]:
    """One row for each sku. The rest is the first one's."""
    found: dict[int, Row] = {}
    for item in items:
        first = found.setdefault(item["id"], item)
        if first is not item:
            for name in ("quantity", "item_revenue"):
                first[name] = _sum(first[name], item[name])
    return tuple(found.values())


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


_EMPTY_TRANSACTION: Row = dict.fromkeys(TRANSACTION.columns.keys())
_EMPTY_ITEM: Row = dict.fromkeys(LINE_ITEM.columns.keys())

"""What an event says of an order."""

from owa.analytics.fact import Derivation
from owa.analytics.order import order
from tests.page_views import context, page_view

LARGEST = "10000000000"
"""What an amount may be at most."""


def test_what_a_line_is_worth_fits_its_column_or_is_unknown() -> None:
    lines = {
        "0": {"li_sku": "a", "li_unit_price": LARGEST, "li_quantity": "1"},
        "1": {"li_sku": "b", "li_unit_price": LARGEST, "li_quantity": "2147483647"},
        "2": {"li_sku": "c", "li_unit_price": f"-{LARGEST}", "li_quantity": "2"},
    }
    items = order(Derivation(context()).fact(page_view(ct_order_id="o", ct_line_items=lines))).items
    assert [item["item_revenue"] for item in items] == [10**12, None, None]
    assert [item["unit_price"] for item in items] == [10**12, 10**12, -(10**12)]

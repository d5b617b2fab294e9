"""What visitors of generated traffic do besides viewing pages: actions, clicks, orders, feeds that are read, and the
streams of what their mice did. Among the ordinary: an order that comes twice, one that comes late and names the session
that it belongs to, the same article in two lines, another spelling of a place.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from owa.events import Event
from owa.testing.vocabulary import ACTIONS, ARTICLES, ELEMENTS, PLACES

ACTION = "track.action"
CLICK = "dom.click"
TRANSACTION = "ecommerce.transaction"
FEED_REQUEST = "base.feed_request"
DOM_STREAM = "dom.stream"

Make = Callable[[str, float, Event, dict[str, Any]], Event]
"""Makes an event of a type, at a second, by the visitor of that page view, with properties of its own."""

_REMEMBERED = 50
"""Orders, to come again."""


class Interactions:
    """Makes the events; `make` gives them what identifies them."""

    def __init__(self, chance: random.Random, make: Make, new_session: Callable[[int], int]) -> None:
        self._chance = chance
        self._make = make
        self._new_session = new_session
        self._prefix = f"{chance.randrange(10**6):06}"  # so that two seeds' orders differ
        self._count = 0
        self._orders: list[str] = []
        """The latest."""

    def on(self, view: Event) -> Iterator[Event]:
        """What the visitor does on that page."""
        for share, act in (
            (0.2, self._action),
            (0.3, self._click),
            (0.15, self._order),
            (0.03, self._order_again),
            (0.04, self._late_order),
            (0.05, self._feed_request),
            (0.15, self._dom_stream),
        ):
            if self._chance.random() < share:
                yield act(view, view.timestamp + self._chance.uniform(0.1, 60))

    def _action(self, view: Event, moment: float) -> Event:
        group, name = self._chance.choice(ACTIONS)
        own = {"action_group": group, "action_name": name, "numeric_value": str(self._chance.randint(0, 9))}
        return self._make(ACTION, moment, view, own)

    def _click(self, view: Event, moment: float) -> Event:
        tag, text = self._chance.choice(ELEMENTS)
        numbers = ("click_x", "click_y", "dom_element_x", "dom_element_y")
        own = {
            **{name: str(self._chance.randint(0, 800)) for name in numbers},
            "page_width": "1200",
            "page_height": "800",
            "dom_element_tag": tag,
            "dom_element_text": text,
            "dom_element_name": "(not set)",
        }
        if tag == "a":
            own["target_url"] = f"{view.properties['page_url']}&to={self._chance.randrange(9)}"
        return self._make(CLICK, moment, view, own)

    def _order(self, view: Event, moment: float) -> Event:
        self._count += 1
        order = f"ORD-{self._prefix}-{self._count}"
        self._orders = [*self._orders[-_REMEMBERED:], order]
        return self._make(TRANSACTION, moment, view, self._goods(order))

    def _order_again(self, view: Event, moment: float) -> Event:
        """The same order, of the same visitor or of another one, and with other goods."""
        if not self._orders:
            return self._order(view, moment)
        order = self._chance.choice(self._orders)
        return self._make(TRANSACTION, moment, view, self._goods(self._chance.choice((order, order.lower()))))

    def _late_order(self, view: Event, moment: float) -> Event:
        """The shop's server tells of it, in a session of its own, and names the visitor's."""
        session = str(view.session_id)
        self._count += 1
        own = self._goods(f"LATE-{self._prefix}-{self._count}") | {"original_session_id": session}
        late = moment + self._chance.uniform(0, 7_200)
        return self._make(TRANSACTION, late, self._elsewhere(view), own)

    def _feed_request(self, view: Event, moment: float) -> Event:
        subscription = str(self._chance.randint(1, 99))
        own = {"feed_format": self._chance.choice(("rss", "atom")), "feed_subscription_id": subscription}
        return self._make(FEED_REQUEST, moment, self._elsewhere(view), own)

    def _dom_stream(self, view: Event, moment: float) -> Event:
        moves = [
            {
                "event_type": "dom.movement",
                "cursor_x": self._chance.randrange(1200),
                "cursor_y": self._chance.randrange(800),
            }
            for _ in range(self._chance.randint(1, 5))
        ]
        own = {
            "domstream_guid": str(self._new_session(view.timestamp)),
            "duration": str(self._chance.randint(1, 60)),
            "stream_events": json.dumps(moves, separators=(",", ":")),
            "stream_length": str(len(moves)),
            "page_width": "1200",
            "page_height": "800",
        }
        return self._make(DOM_STREAM, moment, view, own)

    def _goods(self, order: str) -> dict[str, Any]:
        chance = self._chance
        articles = [(*chance.choice(ARTICLES), chance.randint(1, 4)) for _ in range(chance.randint(0, 3))]
        total = sum(cents * quantity for *_, cents, quantity in articles)
        tax, shipping = total // 5, chance.choice((0, 499))
        own: dict[str, Any] = {
            "ct_order_id": order,
            "ct_order_source": "shop",
            "ct_gateway": chance.choice(("visa", "invoice")),
            "ct_total": _amount(total + tax + shipping),
            "ct_tax": _amount(tax),
            "ct_shipping": _amount(shipping),
        }
        if articles:
            own["ct_line_items"] = {str(index): _line(order, *article) for index, article in enumerate(articles)}
        return own | (chance.choice(PLACES) if chance.random() < 0.3 else {})

    def _elsewhere(self, view: Event) -> Event:
        """The same page, as something else than the visitor's browser asks for it."""
        return replace(view, session_id=self._new_session(view.timestamp))


def _line(order: str, sku: str, name: str, category: str, cents: int, quantity: int) -> dict[str, str]:
    return {
        "li_order_id": order,
        "li_sku": sku,
        "li_product_name": name,
        "li_category": category,
        "li_unit_price": _amount(cents),
        "li_quantity": str(quantity),
    }


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"

"""A visit to a shop: what a real browser, the tag, the tracker, the server and the drain make of it, to the row."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from owa.settings import Settings
from owa.tracking.tag import tag
from tests.servers import BROWSER, SITE_ID, Install, Installation, Server, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

HOST = "http://127.0.0.1"
PAGES = Path(__file__).parent / "shop"
CAMPAIGN = "?owa_medium=email&owa_campaign=spring&owa_source=news"

VIEWS = [
    ("/", "Shop – start"),
    ("/category.html", "Tools"),
    ("/product.html", "Widget"),
    ("/product/reviews", "Widget – reviews"),
    ("/product.html", "Widget"),
    ("/category.html?tab=2", "Tools"),
    ("/cart.html", "Cart"),
    ("/product.html", "Widget"),
    ("/cart.html", "Cart"),
    ("/thanks.html?order=ORD-7", "Thank you"),
]
"""Path and title, in order. The back button, without a cache that restores pages, loads the product's page anew."""

CLICKS = [
    ("/", "a", "tools", "Tools", "(not set)", "/category.html"),
    ("/category.html", "a", "widget", "Widget", "(not set)", "/product.html"),
    ("/product.html", "button", "play", "Play", "(not set)", None),
    ("/product.html", "button", "reviews", "Reviews", "2", None),
    ("/product.html", "a", "more", "More tools", "(not set)", "/category.html?tab=2"),
    ("/product.html", "a", "add", "Add to the cart", "(not set)", "/cart.html"),
    ("/cart.html", "input", "mail", "(not set)", "(not set)", None),
    ("/cart.html", "button", "buy", "Buy", "ORD-7", None),
]
"""Path of the page, the element's tag, id, text and value, path of its target."""


@dataclass
class Shop:
    """The shop's server, which has OWA under /owa/."""

    owa: Server
    port: int = 0
    sent: list[dict[str, str]] = field(default_factory=list)
    """What went to log.php and was answered, in order."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_for(self, count: int, event_type: str) -> None:
        def came() -> bool:
            return sum(sent["event_type"] == event_type for sent in self.sent) >= count

        wait_until(came, f"not {count} of {event_type}")


def serve(shop: Shop) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith("/owa/"):
                self.hand_over()
            elif (file := PAGES / f"{path.strip('/') or 'index.html'}").is_file():
                self.answer(200, "text/html; charset=utf-8", page_of(file, shop).encode())
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            self.hand_over()

        def hand_over(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = {"Content-Type": self.headers["Content-Type"]} if body else {}
            answer = shop.owa.request(self.command, self.path.removeprefix("/owa"), body, kind)
            self.answer(answer.status, answer.headers["Content-Type"] or "text/plain", answer.body)
            if "log.php" in self.path:
                pairs = parse_qsl(urlsplit(self.path).query or body.decode(), keep_blank_values=True)
                shop.sent.append({name.removeprefix("owa_"): value for name, value in pairs})

        def answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def page_of(file: Path, shop: Shop) -> str:
    return file.read_text("utf-8").replace("{{tag}}", tag(shop.url("/owa/"), SITE_ID, Settings({})))


def visit(page: Page, shop: Shop) -> None:
    """One visitor's way through the shop."""
    views = 0

    def viewed(act: Callable[[], object]) -> None:
        nonlocal views
        act()
        views += 1
        shop.wait_for(views, "base.page_request")

    viewed(lambda: page.goto(shop.url("/" + CAMPAIGN)))
    viewed(lambda: page.click("#tools"))
    viewed(lambda: page.click("#widget"))
    page.click("#play")
    viewed(lambda: page.click("#reviews"))
    viewed(page.go_back)
    viewed(lambda: page.click("#more"))  # in a second tab
    viewed(lambda: page.click("#add"))
    viewed(page.go_back)
    viewed(page.go_forward)
    page.click("#mail")
    page.click("#buy")
    page.wait_for_url("**/thanks.html*", wait_until="commit")
    page.wait_for_function("Object.hasOwn(owa_cmds, 'push')")  # the tracker came, and ran all commands
    page.close()
    shop.wait_for(views + 1, "base.page_request")
    shop.wait_for(1, "ecommerce.transaction")
    shop.wait_for(len(CLICKS), "dom.click")


@dataclass(frozen=True)
class Visited:
    """What is left after a visitor's way through the shop, and another one's look at its first page."""

    shop: Shop
    installation: Installation

    @property
    def first(self) -> dict[str, str]:
        return self.shop.sent[0]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Of the first visitor's session; without its ids, and addresses without their beginning."""
        rows = self.installation.query(sql)
        first, other = ((int(sent["visitor_id"]), int(sent["session_id"])) for sent in (self.first, self.other))
        owners = [(row.pop("visitor_id"), row.pop("session_id")) for row in rows]
        assert set(owners) <= {first, other}
        return [_short(row) for row, owner in zip(rows, owners, strict=True) if owner == first]

    @property
    def other(self) -> dict[str, str]:
        return self.shop.sent[-1]


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.removeprefix(HOST) or "/" if str(value).startswith(HOST) else value for name, value in row.items()
    }


@pytest.fixture(scope="module", params=["0", "1"], ids=["synchronous", "queued"])
def visited(request: pytest.FixtureRequest, install: Install, browser: Browser) -> Visited:
    installation = install(OWA_QUEUE_EVENTS=request.param, OWA_SCHEDULER="0")
    with installation.serve() as owa:
        shop = Shop(owa)
        server = serve(shop)
        shop.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with browser.new_context(user_agent=BROWSER, viewport={"width": 1200, "height": 800}) as context:
                visit(context.new_page(), shop)
            with browser.new_context(user_agent=BROWSER) as context:
                context.new_page().goto(shop.url("/"))
                shop.wait_for(len(VIEWS) + 1, "base.page_request")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    installation.drain()
    return Visited(shop, installation)


FROM_EVENT = "JOIN owa_document d ON d.id = CAST(f.document_id AS INTEGER)"


def test_what_was_sent(visited: Visited) -> None:
    *sent, other = visited.shop.sent
    assert {(event["visitor_id"], event["session_id"]) for event in sent} == {
        (visited.first["visitor_id"], visited.first["session_id"])
    }
    assert other["visitor_id"] != visited.first["visitor_id"]
    types = [event["event_type"] for event in sent]
    assert {name: types.count(name) for name in types} == {
        "base.page_request": len(VIEWS),
        "dom.click": len(CLICKS),
        "track.action": 1,
        "ecommerce.transaction": 1,
    }
    assert {event["cv1"] for event in sent} == {"plan=gold"}
    flagged = [event for event in sent if "is_new_session" in event]
    assert {event["page_url"] for event in flagged} == {visited.shop.url("/" + CAMPAIGN)}
    assert sorted(event["event_type"] for event in flagged) == ["base.page_request", "dom.click"]
    clicks = [event for event in sent if event["event_type"] == "dom.click"]
    names = ("tag", "id", "text", "value")
    assert {tuple(click[f"dom_element_{name}"] for name in names) for click in clicks} == {row[1:5] for row in CLICKS}
    assert "me@example.org" not in str(sent)


def test_page_views(visited: Visited) -> None:
    rows = visited.rows(
        "SELECT visitor_id, session_id, url, page_title, medium, cv1_name, cv1_value"
        f" FROM owa_request f {FROM_EVENT} ORDER BY f.id"
    )
    assert [tuple(row.values()) for row in rows] == [(*view, "email", "plan", "gold") for view in VIEWS]
    assert len(visited.installation.rows("owa_request")) == len(VIEWS) + 1


def test_sessions_and_visitors(visited: Visited) -> None:
    session, other = visited.installation.query(
        "SELECT f.*, a.url AS first_page, z.url AS last_page FROM owa_session f"
        " JOIN owa_document a ON a.id = f.first_page_id JOIN owa_document z ON z.id = f.last_page_id"
        " ORDER BY num_pageviews DESC"
    )
    assert (session["id"], session["visitor_id"]) == tuple(
        int(visited.first[name]) for name in ("session_id", "visitor_id")
    )
    expected = {
        "num_pageviews": len(VIEWS),
        "is_bounce": 0,
        "is_new_visitor": 1,
        "medium": "email",
        "cv1_value": "gold",
        "first_page": "/",
        "last_page": "/thanks.html?order=ORD-7",
    }
    assert {name: _short(session)[name] for name in expected} == expected
    assert (other["num_pageviews"], other["is_bounce"], other["medium"]) == (1, 1, "direct")
    assert other["id"] == int(visited.other["session_id"])
    visitors = visited.installation.query("SELECT id, first_session_id, num_prior_sessions FROM owa_visitor")
    assert sorted(visitors, key=lambda row: row["id"]) == sorted(
        (
            {"id": int(sent["visitor_id"]), "first_session_id": int(sent["session_id"]), "num_prior_sessions": 0}
            for sent in (visited.first, visited.other)
        ),
        key=lambda row: row["id"],
    )


def test_actions(visited: Visited) -> None:
    rows = visited.rows(
        "SELECT visitor_id, session_id, url, action_group, action_name, action_label, numeric_value, cv1_value"
        f" FROM owa_action_fact f {FROM_EVENT}"
    )
    assert rows == [
        {
            "url": "/product.html",
            "action_group": "videos",
            "action_name": "play",
            "action_label": "intro",
            "numeric_value": 3,
            "cv1_value": "gold",
        }
    ]


def test_clicks(visited: Visited) -> None:
    rows = visited.rows(
        "SELECT visitor_id, session_id, url, dom_element_tag, dom_element_id, dom_element_text, dom_element_value,"
        " target_url, dom_element_class, page_width, page_height, click_x, click_y, position, dom_element_x,"
        " dom_element_y"
        f" FROM owa_click f {FROM_EVENT} ORDER BY f.id"
    )
    assert sorted((tuple(row.values())[:6] for row in rows), key=str) == sorted(CLICKS, key=str)
    for row in rows:
        assert (row["page_width"], row["page_height"]) == (1200, 800)
        assert 0 <= row["dom_element_x"] <= row["click_x"] < 1200
        assert 0 <= row["dom_element_y"] <= row["click_y"] < 800
        assert row["position"] == int(f"{row['click_x']}{row['click_y']}")
    assert {row["dom_element_id"]: row["dom_element_class"] for row in rows}["tools"] == "menu big"


def test_orders(visited: Visited) -> None:
    rows = visited.rows(
        "SELECT visitor_id, session_id, url, order_id, order_source, gateway, total_revenue, tax_revenue,"
        f" shipping_revenue, medium FROM owa_commerce_transaction_fact f {FROM_EVENT}"
    )
    assert rows == [
        {
            "url": "/thanks.html?order=ORD-7",
            "order_id": "ORD-7",
            "order_source": "shop",
            "gateway": "visa",
            "total_revenue": 11_050,
            "tax_revenue": 1_000,
            "shipping_revenue": 550,
            "medium": "email",
        }
    ]
    items = visited.rows(
        "SELECT visitor_id, session_id, order_id, sku, product_name, category, unit_price, quantity, item_revenue"
        " FROM owa_commerce_line_item_fact ORDER BY sku"
    )
    assert [tuple(item.values()) for item in items] == [
        ("ORD-7", "SKU1", "Widget", "tools", 4_500, 2, 9_000),
        ("ORD-7", "SKU2", "Gadget", "toys", 500, 1, 500),
    ]


def test_sums_of_the_session(visited: Visited) -> None:
    session, other = visited.installation.query("SELECT * FROM owa_session ORDER BY num_pageviews DESC")
    sums = {
        "trans_count": 1,
        "trans_revenue": 11_050,
        "tax_revenue": 1_000,
        "shipping_revenue": 550,
        "items_count": 2,
        "items_quantity": 3,
        "items_revenue": 9_500,
    }
    assert {name: session[f"commerce_{name}"] for name in sums} == sums
    assert {name: other[f"commerce_{name}"] for name in sums} == dict.fromkeys(sums, 0)


def test_everything_is_processed(visited: Visited) -> None:
    assert visited.installation.counts() == {("processed", ""): len(visited.shop.sent)}

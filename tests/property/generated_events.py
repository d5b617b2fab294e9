"""Events of all families, with values that break programs."""

from typing import Any

from hypothesis import strategies as st

from owa.clock import MICROSECONDS
from tests import oracle
from tests.page_views import CHROME, NOON

PAGE_VIEW = "base.page_request"
ACTION = "track.action"
CLICK = "dom.click"
TRANSACTION = "ecommerce.transaction"
FEED_REQUEST = "base.feed_request"
DOM_STREAM = "dom.stream"

AGENTS = {
    CHROME: oracle.Agent("Chrome", "120.0.0", "Linux"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0": oracle.Agent(
        "Firefox", "115.0", "Windows"
    ),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": oracle.Agent(
        "Googlebot", "2.1", "", is_robot=True
    ),
    "curl/8.5.0": oracle.Agent("curl", "8.5.0", ""),
    "CURL/8.5.0": oracle.Agent(),  # the same id, but the library does not know it
}
DOMAINS = {
    "www.google.co.uk": "google.co.uk",
    "www.bing.com": "bing.com",
    "m.facebook.com": "facebook.com",
    "t.co": "t.co",
    "www.blog.example.org": "example.org",
    "localhost": "localhost",
    "pool-1.isp.example.net": "example.net",
    "pool-2.isp.example.net": "example.net",
}

LONG = "x" * 5_000
NESTED = {"0": "1"}
"""What `owa_name[0]=1` becomes: a value of the wrong type everywhere."""

WHOLE_NUMBERS = ["0", "1", "7", "", "-3", " 12 ", "abc", "1.5", "99999999999", NESTED]
IDENTIFIERS = ["1795200000000000001", "-1", "abc", "9223372036854775808", NESTED]
AMOUNTS = ["110.50", "0", "7", "-1.005", "0.005", "2.675", "-3", "", "1,5", "1e3", ".5", "5.", "abc", NESTED]
AMOUNTS += ["10000000000", "10000000000.004", "10000000000.005", "9" * 30, "1." + "0" * 20 + "1"]
COORDINATES = [*WHOLE_NUMBERS, "2147483647", "2147483648", "1000000000", "223372036"]

NOT_SET = "(not set)"
"""What a plain PHP sender fills in."""

OF_ALL: dict[str, list[Any]] = {
    "page_url": [
        "http://shop.example/Cart",
        "http://shop.example/cart",
        "http://SHOP.example:8080/cart/#top",
        "https://me:secret@shop.example/cart?owa_medium=email&a=1&token=9",
        "http://shop.example/?PHPSESSID=5&owa_sid=3",
        "http://shop.example/äöü?q=%20",
        "no address",
        " ",
        LONG,
        NESTED,
    ],
    "page_title": ["Start", "Cart", " Warenkorb – Übersicht ", "", NESTED, NOT_SET],
    "page_type": ["shop", "news", NOT_SET],
    "session_referer": [
        "https://www.google.co.uk/search?q=open+web&hl=en",
        "https://www.google.co.uk/search?Q=open+web&hl=en",
        "https://www.bing.com/",
        "https://m.facebook.com/groups",
        "https://T.CO/abc",
        "http://www.blog.example.org:81/post#2",
        "http://localhost/",
        NESTED,
        NOT_SET,
    ],
    "medium": ["email", "Email", "direct", "", LONG, NESTED, NOT_SET],
    "source": ["news", "NEWS", " News ", NESTED],
    "search_terms": ["open web", "Open Web", NESTED],
    "campaign": ["spring", "Spring", "summer", LONG, NESTED, NOT_SET],
    "ad": ["banner", "BANNER", NESTED],
    "ad_type": ["image", "text"],
    "ip_address": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1", NOT_SET, NESTED],
    "city": ["Berlin", "BERLIN", " berlin", "", "Ber\x1flin", NOT_SET, NESTED],
    "state": ["BE", "be", "B", NESTED],
    "country": ["Germany", "GERMANY", "GermanyB", "", NOT_SET],
    "HTTP_USER_AGENT": list(AGENTS),
    "REMOTE_HOST": ["pool-1.isp.example.net", "Pool-2.ISP.example.net", "localhost", NOT_SET],
    "last_req": [*WHOLE_NUMBERS, "1795262000", "1772000000"],
}
"""What every event may have, and is read of every one."""

OF_VISITS: dict[str, list[Any]] = {
    "user_name": ["anna", "bert", NESTED, NOT_SET],
    "cv1": ["plan=gold", "plan=", "=gold", "gold", "a=b=c", NOT_SET, NESTED],
    "cv5": ["last=1"],
    "language": ["en-US", "de", NOT_SET],
    "is_new_visitor": ["true", "false", "1", NESTED],
    "nps": WHOLE_NUMBERS,
    "dsps": WHOLE_NUMBERS,
    "dsfs": WHOLE_NUMBERS,
}
"""What all but feed requests have columns for."""

OF_PAGE_VIEWS: dict[str, list[Any]] = {
    "HTTP_REFERER": ["http://shop.example/Cart?token=1", "https://other.example/", "", NESTED],
    "attribs": ['[{"md":"email"}]', "[]", NOT_SET, NESTED],
    "user_email": ["anna@example.org", "bert@example.org", NOT_SET],
    "prior_session_id": ["0", *IDENTIFIERS],
}
"""What only page views have columns for. Of other events nobody reads it."""
SESSIONS = [11, 12, 13, 14]
ORPHANED = 19
"""A session that has no page view."""

LINE = st.fixed_dictionaries(
    {"li_sku": st.sampled_from(["A1", "a1", "A1 ", " A1", "B2", "", LONG, NOT_SET, NESTED])},
    optional={
        "li_order_id": st.sampled_from(["another", NESTED]),
        "li_product_name": st.sampled_from(["Widget", "Gadget", "", LONG, NESTED]),
        "li_category": st.sampled_from(["tools", NOT_SET]),
        "li_unit_price": st.sampled_from([*["45.00", "5.00", "0.01"] * 4, *AMOUNTS]),
        "li_quantity": st.sampled_from([*["1", "2", "3"] * 3, "2147483647", *WHOLE_NUMBERS]),
    },
)
LINES = st.dictionaries(st.sampled_from(["0", "1", "2", "10", "11"]), LINE, min_size=1, max_size=4)
WRONG_LINES = st.one_of(
    st.sampled_from(["", "none", NESTED]),  # what is nested in NESTED is no line
    LINES.map(lambda lines: {**lines, "3": "no line"}),
    LINES.map(lambda lines: {**lines, "first": {"li_sku": "C3"}}),
)

OWN: dict[str, dict[str, list[Any]]] = {
    PAGE_VIEW: {**OF_VISITS, **OF_PAGE_VIEWS},
    ACTION: {
        **OF_VISITS,
        "action_group": ["videos", "Videos", "", LONG, NOT_SET, NESTED],
        "action_name": ["play", " play ", NESTED],
        "action_label": ["intro", " "],
        "numeric_value": WHOLE_NUMBERS,
    },
    CLICK: {
        **OF_VISITS,
        "target_url": ["http://shop.example/cart/?owa_ad=1#x", "javascript:void(0)", " ", LONG, NOT_SET, NESTED],
        **dict.fromkeys(("click_x", "click_y"), COORDINATES),
        **dict.fromkeys(("page_width", "page_height", "dom_element_x", "dom_element_y"), WHOLE_NUMBERS),
        **{f"dom_element_{part}": ["Top", "", NOT_SET, NESTED] for part in ("name", "id", "value", "parent_id")},
        **{f"dom_element_{part}": ["größer", LONG, NOT_SET] for part in ("tag", "text", "class")},
    },
    TRANSACTION: {
        **OF_VISITS,
        "ct_order_source": ["shop", "Shop", "", LONG, NESTED],
        "ct_gateway": ["visa", NOT_SET, NESTED],
        "ct_tax": AMOUNTS,
        "ct_shipping": AMOUNTS,
    },
    FEED_REQUEST: {
        "feed_reader_guid": ["reader", "READER", "", LONG, NOT_SET, NESTED],
        "feed_subscription_id": IDENTIFIERS,
        "feed_format": ["rss", "", NESTED],
    },
    DOM_STREAM: {
        **OF_VISITS,
        "domstream_guid": IDENTIFIERS,
        "stream_events": ['[{"cursor_x":1}]', "[", "", LONG, "y" * 70_000, NOT_SET, NESTED],
        "duration": WHOLE_NUMBERS,
        "page_width": WHOLE_NUMBERS,
        "page_height": WHOLE_NUMBERS,
    },
}
OFTEN = {"page_url": 4, "HTTP_USER_AGENT": 4, "nps": 4, "click_x": 6, "click_y": 6}
"""What many columns depend on comes more often."""
PAIRS = {
    event_type: [
        (name, value)
        for name, values in {**OF_ALL, **own}.items()
        for value in values
        for _ in range(OFTEN.get(name, 1))
    ]
    for event_type, own in OWN.items()
}

MOMENTS = [
    *(0, 0, 1, 999, 1_000, 500_000, 1_000_000, 1_000_001),
    *(hours * 3_600 * MICROSECONDS for hours in (-25, -8, 7, 20, 24 * 45, 24 * 120)),
]
"""Microseconds after noon; several of them are the same second, and others are other days and winter or summer time."""

FLAGS = ["", "", "", "", "", "false", "true", "1", "yes"]
ORDER_IDS = ["ORD-1", "ORD-1", "ORD-1", "ord-1", " ORD-1", "ORD-1 ", "ORD-2", "", " ", LONG, NOT_SET, NESTED]
ORIGINAL_SESSIONS = [*map(str, SESSIONS), *map(str, SESSIONS), str(ORPHANED), " 12 ", "", "abc", "-1", NESTED]

FAMILIES = [*[PAGE_VIEW] * 6, *[TRANSACTION] * 4, ACTION, CLICK, CLICK, FEED_REQUEST, DOM_STREAM]


FAMILY = st.sampled_from(FAMILIES)
NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})
ORDER = st.fixed_dictionaries(
    {"ct_order_id": st.sampled_from(ORDER_IDS), "ct_total": st.sampled_from(["10.00", "10.00", *AMOUNTS])},
    optional={
        "ct_line_items": st.one_of(LINES, LINES, LINES, WRONG_LINES),
        "original_session_id": st.sampled_from(ORIGINAL_SESSIONS),
    },
)
"""What of a transaction is worth to be there nearly always."""

EVENTS = {
    event_type: st.tuples(
        st.sampled_from(["s1", "s1", "s2"]),
        st.sampled_from(SESSIONS if event_type == PAGE_VIEW else [*SESSIONS, ORPHANED]),
        st.sampled_from([21, 21, 22, 23]),
        st.sampled_from(MOMENTS),
        st.sampled_from(FLAGS),
        st.lists(st.sampled_from(PAIRS[event_type]), max_size=10),
        ORDER if event_type == TRANSACTION else NOTHING,
    )
    for event_type in set(FAMILIES)
}


def an_event(draw: st.DrawFn, number: int) -> oracle.Event:
    """One event, with a guid by its number."""
    event_type = draw(FAMILY)
    site, session, visitor, moment, flag, pairs, order = draw(EVENTS[event_type])
    return {
        "guid": 1_795_262_400_000_000_001 + number,
        "event_type": event_type,
        "received_at": NOON + moment,
        "site_id": site,
        "visitor_id": visitor,
        "session_id": session,
        "properties": dict(pairs) | ({"is_new_session": flag} if flag else {}) | order,
    }

"""Law 3: the tables depend on the set of page views alone. Whatever the order, the batches and the repetitions, they
are what a naive fold over the set makes of it, in every column."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from owa.clock import MICROSECONDS
from owa.events import Event
from owa.processing.settings import ORPHAN_SESSIONS
from tests import oracle
from tests.page_views import CHROME, NOON, Processing, open_processing
from tests.postgresql import PostgreSQL
from tests.schedules import assert_converged

ZONE = "America/Los_Angeles"
FILTERS = ("PHPSESSID", "token")
EXAMPLES = 100 * (20 if os.environ.get("OWA_SOAK") else 1)

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
GIVEN = oracle.Given(
    zone=ZoneInfo(ZONE),
    filters=FILTERS,
    agent=lambda text: AGENTS.get(text, oracle.Agent()),
    registrable_domain=lambda host: DOMAINS.get(host, host),
)

LONG = "x" * 5_000
NESTED = {"0": "1"}
"""What `owa_name[0]=1` becomes: a value of the wrong type everywhere."""

WHOLE_NUMBERS = ["0", "1", "7", "", "-3", " 12 ", "abc", "1.5", "99999999999", NESTED]
PROPERTIES: dict[str, list[Any]] = {
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
    "page_title": ["Start", "Cart", " Warenkorb – Übersicht ", "", NESTED],
    "page_type": ["shop", "news"],
    "HTTP_REFERER": ["http://shop.example/Cart?token=1", "https://other.example/", "", NESTED],
    "session_referer": [
        "https://www.google.co.uk/search?q=open+web&hl=en",
        "https://www.google.co.uk/search?Q=open+web&hl=en",
        "https://www.bing.com/",
        "https://m.facebook.com/groups",
        "https://T.CO/abc",
        "http://www.blog.example.org:81/post#2",
        "http://localhost/",
        NESTED,
    ],
    "medium": ["email", "Email", "direct", "", LONG, NESTED],
    "source": ["news", "NEWS", " News ", NESTED],
    "search_terms": ["open web", "Open Web", NESTED],
    "campaign": ["spring", "Spring", "summer", LONG, NESTED],
    "ad": ["banner", "BANNER", NESTED],
    "ad_type": ["image", "text"],
    "attribs": ['[{"md":"email"}]', "[]", NESTED],
    "user_name": ["anna", "bert", NESTED],
    "user_email": ["anna@example.org", "bert@example.org"],
    "cv1": ["plan=gold", "plan=", "=gold", "gold", "a=b=c", NESTED],
    "cv5": ["last=1"],
    "ip_address": ["192.0.2.1", "2001:db8::1"],
    "language": ["en-US", "de"],
    "HTTP_USER_AGENT": list(AGENTS),
    "REMOTE_HOST": ["pool-1.isp.example.net", "Pool-2.ISP.example.net", "localhost"],
    "is_new_visitor": ["true", "false", "1", NESTED],
    "last_req": [*WHOLE_NUMBERS, "1795262000", "1772000000"],
    "prior_session_id": ["1795200000000000001", "0", "-1", "abc", "9223372036854775808", NESTED],
    "nps": WHOLE_NUMBERS,
    "dsps": WHOLE_NUMBERS,
    "dsfs": WHOLE_NUMBERS,
}
OFTEN = {"page_url": 4, "HTTP_USER_AGENT": 4, "nps": 4}
"""What many columns depend on comes more often."""
PAIRS = [(name, value) for name, values in PROPERTIES.items() for value in values for _ in range(OFTEN.get(name, 1))]

MOMENTS = [
    *(0, 0, 1, 999, 1_000, 500_000, 1_000_000, 1_000_001),
    *(hours * 3_600 * MICROSECONDS for hours in (-25, -8, 7, 20, 24 * 45, 24 * 120)),
]
"""Microseconds after noon; several of them are the same second, and others are other days and winter or summer time."""

PAGE_VIEW = st.tuples(
    st.sampled_from(["s1", "s1", "s2"]),
    st.sampled_from([11, 12, 13, 14]),
    st.sampled_from([21, 21, 22, 23]),
    st.sampled_from(MOMENTS),
    st.sampled_from(["", "", "", "", "", "false", "true", "1", "yes"]),
    st.lists(st.sampled_from(PAIRS), max_size=10),
)


@dataclass(frozen=True)
class Delivery:
    """One batch, and what happens around it."""

    indices: list[int]
    times: int
    retry: bool
    judge: bool
    """Whether sessions without a first page are dealt with, at once."""


Delivered = tuple[list[oracle.PageView], list[Delivery]]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivered:
    """Page views, and the batches in which they come: in any order, some twice in a batch, or in several, or the whole
    batch twice."""
    count = draw(st.integers(1, 60))
    views = [_page_view(number, *draw(PAGE_VIEW)) for number in range(count)]
    everyone = st.integers(0, count - 1)
    order = draw(st.permutations([*range(count), *draw(st.lists(everyone, max_size=20))]))
    plan = []
    while order:
        size = draw(st.integers(1, len(order)))
        plan.append(
            Delivery(order[:size], draw(st.sampled_from([1, 1, 1, 2])), draw(st.booleans()), draw(st.booleans()))
        )
        order = order[size:]
    return views, plan


@pytest.fixture(scope="module", params=["adopt", "fail"])
def orphans(request: pytest.FixtureRequest) -> str:
    """What becomes of sessions without a first page."""
    return str(request.param)


@pytest.fixture(scope="module")
def on_sqlite(orphans: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processing]:
    yield from _processing(tmp_path_factory.mktemp("convergence"), orphans)


@pytest.fixture(scope="module")
def on_postgresql(
    orphans: str, tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL
) -> Iterator[Processing]:
    yield from _processing(tmp_path_factory.mktemp("convergence"), orphans, postgresql.new_database())


def _processing(folder: Path, orphans: str, url: str = "") -> Iterator[Processing]:
    opened = open_processing(
        folder,
        url=url,
        OWA_TIMEZONE=ZONE,
        OWA_ORPHAN_SESSIONS=orphans,
        OWA_ORPHAN_SESSION_AGE="0",
        OWA_QUERY_STRING_FILTERS=",".join(FILTERS),
    )
    yield opened
    opened.database.close()


@pytest.mark.timeout(3_600)
@hypothesis_settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_tables_are_the_fold_of_the_set(on_sqlite: Processing, delivered: Delivered) -> None:
    _check(on_sqlite, delivered)


@pytest.mark.timeout(3_600)
@hypothesis_settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_tables_are_the_fold_of_the_set_on_postgresql(on_postgresql: Processing, delivered: Delivered) -> None:
    _check(on_postgresql, delivered)


def _check(processing: Processing, delivered: Delivered) -> None:
    views, plan = delivered
    adopt = processing.settings[ORPHAN_SESSIONS] == "adopt"
    expected = oracle.tables(views, replace(GIVEN, adopt=adopt))
    event(f"{len(expected.rows['owa_session'])} sessions, {'some' if expected.waiting else 'none'} given up")
    processing.empty()
    for delivery in plan:
        for _ in range(delivery.times):
            processing.settle(*(_event(views[index]) for index in delivery.indices))
        if delivery.retry:
            processing.processor.retry()
        if delivery.judge:
            processing.processor.judge_orphans()
    processing.finish()
    processing.processor.judge_orphans()
    processing.finish()
    received = [_event(views[index]) for delivery in plan for index in delivery.indices for _ in range(delivery.times)]
    assert_converged(processing.database, processing.retries, received, expected)


def _page_view(
    number: int, site: str, session: int, visitor: int, moment: int, flag: str, pairs: list[tuple[str, Any]]
) -> oracle.PageView:
    return {
        "guid": 1_795_262_400_000_000_001 + number,
        "received_at": NOON + moment,
        "site_id": site,
        "visitor_id": visitor,
        "session_id": session,
        "properties": dict(pairs) | ({"is_new_session": flag} if flag else {}),
    }


def _event(view: oracle.PageView) -> Event:
    return Event(event_type="base.page_request", server=1, **view)

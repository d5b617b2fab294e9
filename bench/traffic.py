"""Page views for the benchmarks: the same for the same seed."""

import random
from collections.abc import Iterator

from owa.clock import MICROSECONDS
from owa.events import Event

START = 1_795_291_324

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"


def page_views(count: int, site_id: str, seed: int = 1) -> Iterator[Event]:
    """`count` page views of sessions with one to seven pages, a third of them referred by a search engine."""
    generator = random.Random(seed)
    made = 0
    while made < count:
        visitor, session = _identifier(generator, made), _identifier(generator, made)
        referer = generator.choice(("https://www.google.com/search?q=owa", "", ""))
        for page in range(min(generator.randint(1, 7), count - made)):
            yield _page_view(generator, made, site_id, visitor, session, page, referer)
            made += 1


def _identifier(generator: random.Random, made: int) -> int:
    return (START + made // 100) * 10**9 + generator.randrange(10**9)


def _page_view(
    generator: random.Random, made: int, site_id: str, visitor: int, session: int, page: int, referer: str
) -> Event:
    number = generator.randrange(2000)
    properties = {
        "page_url": f"https://example.org/articles/{number}?page={generator.randrange(6)}",
        "page_title": f"Article {number}",
        "HTTP_REFERER": "",
        "session_referer": referer,
        "nps": "0",
        "dsps": "0",
        "dsfs": "0",
        "last_req": "",
        "HTTP_USER_AGENT": AGENT.format(generator.randint(60, 130)),
        "HTTP_HOST": "stats.example.org",
        "language": "en-US",
        "ip_address": f"198.51.100.{generator.randrange(256)}",
        **({"is_new_session": "true"} if page == 0 else {}),
    }
    second = START + made // 100
    return Event(
        guid=second * 10**9 + made % 10**9,
        event_type="base.page_request",
        site_id=site_id,
        visitor_id=visitor,
        session_id=session,
        received_at=second * MICROSECONDS + made % 100 * 10_000,
        server=0,
        properties=properties,
    )

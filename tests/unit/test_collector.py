"""The tracking endpoint without a server."""

from io import BytesIO
from pathlib import Path
from typing import Any

from owa.clock import FixedClock
from owa.contributions import Configuration, Site
from owa.events import Event, Refusal, RefusalReason
from owa.queues.memory import MemoryQueue
from owa.settings import Settings
from owa.tracking.collector import Answer, Collector
from owa.tracking.guids import Guids

SITE = Site("c8ff781bf277f1376b21a5878b85b45d", "http://127.0.0.1")
PAGE_VIEW = f"owa_event_type=base.page_request&owa_site_id={SITE.site_id}&owa_visitor_id=1"


def answer(queue: MemoryQueue, folder: Path, **environ: Any) -> Answer:
    clock = FixedClock(1_795_291_324_000_000)
    configuration = Configuration(Settings({"base.queue_events": True}), {SITE.site_id: SITE})

    def store(_event: Event, _patience: float) -> None:
        raise AssertionError("in asynchronous mode nothing is stored in the request")

    collector = Collector(
        lambda: configuration,
        lambda _site: False,
        lambda: {"base.page_request"},
        queue,
        store,
        Guids(folder, 7, clock),
        clock,
    )
    return collector({"PATH_INFO": "/log.php", "QUERY_STRING": "", **environ})


def post(queue: MemoryQueue, folder: Path, body: str) -> Answer:
    data = body.encode()
    return answer(
        queue,
        folder,
        REQUEST_METHOD="POST",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        CONTENT_LENGTH=str(len(data)),
        **{"wsgi.input": BytesIO(data)},
    )


def test_a_form_that_was_cut_off_is_no_event(tmp_path: Path) -> None:
    """Its sender, who has seen no answer, may send it again."""
    queue = MemoryQueue()
    data = f"{PAGE_VIEW}&owa_session_id=2&owa_page_url=http://127.0.0.1/a".encode()
    given = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    length = str(len(data) + 10)
    assert answer(queue, tmp_path, **given, CONTENT_LENGTH=length, **{"wsgi.input": BytesIO(data)}).status[:3] == "400"
    (refusal,) = entries(queue)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.detail) == (RefusalReason.MALFORMED_REQUEST, "the body was cut off")


def entries(queue: MemoryQueue) -> list[Event | Refusal]:
    with queue.drain() as source:
        batch = source.lease(10)
    return list(batch.entries) if batch else []


def test_form_body_becomes_an_event(tmp_path: Path) -> None:
    queue = MemoryQueue()
    assert post(queue, tmp_path, f"{PAGE_VIEW}&owa_session_id=2").status == "204 No Content"
    (event,) = entries(queue)
    assert isinstance(event, Event)
    assert (event.site_id, event.visitor_id, event.session_id, event.server) == (SITE.site_id, 1, 2, 7)
    assert not {"site_id", "visitor_id", "session_id", "event_type"} & set(event.properties)


def test_refused_form_body_is_counted_for_its_site(tmp_path: Path) -> None:
    queue = MemoryQueue()
    assert post(queue, tmp_path, PAGE_VIEW).status == "204 No Content"
    (refusal,) = entries(queue)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.site_id) == (RefusalReason.BAD_SESSION_ID, SITE.site_id)


def test_unknown_site_shares_the_bucket_of_all_unknown_sites(tmp_path: Path) -> None:
    queue = MemoryQueue()
    post(queue, tmp_path, PAGE_VIEW.replace(SITE.site_id, "nobody"))
    (refusal,) = entries(queue)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.site_id, refusal.detail) == (RefusalReason.UNREGISTERED_SITE, "", "nobody")


def test_an_order_of_many_items_is_one_request(tmp_path: Path) -> None:
    queue = MemoryQueue()
    names = ("li_order_id", "li_sku", "li_product_name", "li_category", "li_unit_price", "li_quantity")
    items = "&".join(f"owa_ct_line_items[{number}][{name}]=1" for number in range(150) for name in names)
    assert post(queue, tmp_path, f"{PAGE_VIEW}&owa_session_id=2&{items}").status == "204 No Content"
    (event,) = entries(queue)
    assert isinstance(event, Event)
    assert len(event.properties["ct_line_items"]) == 150
    more = "&".join(f"owa_{number}=1" for number in range(297))
    assert post(queue, tmp_path, f"{PAGE_VIEW}&owa_session_id=2&{items}&{more}").status.startswith("413")

"""Sessions are computed anew from what is stored of their events: what differs is found, named and mended."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from owa.analytics import rebuilding, stored_page_views
from owa.analytics.goals import Goal, dump
from owa.analytics.rebuilding import Difference, Period, Rebuilt, rebuild_sessions
from owa.analytics.tables import HOST, LINE_ITEM, REQUEST, SESSION, TRANSACTION, VISITOR
from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext, Site
from owa.events import Event
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.drain import drain_events
from owa.queues.contract import Failure, Remaining
from owa.queues.memory import MemoryQueue
from owa.testing.traffic import Plan, deliver
from tests.page_views import NOON, Processing, open_processing, page_view
from tests.postgresql import NewUrl

DAY = 86_400
SECOND = NOON // MICROSECONDS

GOALS = tuple(Goal(number, f"goal {number}", "begins", f"/{number}/", number * 100) for number in range(1, 16))
SITES = {"s1": Site("s1", "http://shop.example", {"goals": dump(GOALS)}), "s2": Site("s2", "http://blog.example")}

COLUMNS = [column.name for column in SESSION.columns if not column.primary_key]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, new_url: NewUrl) -> Iterator[Processing]:
    processing = open_processing(tmp_path_factory.mktemp("rebuilding"), url=new_url(), sites=SITES)
    yield processing
    processing.database.close()


@pytest.fixture
def processing(opened: Processing) -> Processing:
    opened.empty()
    return opened


def rebuild(processing: Processing, period: Period = Period(), *, check: bool = False) -> Rebuilt:  # noqa: B008
    def context() -> ProcessingContext:
        return ProcessingContext(processing.settings, SITES, processing.clock.now())

    return rebuild_sessions(processing.database, processing.retries, context, period, check=check)


def other(event_type: str, number: int, **properties: Any) -> Event:
    return replace(page_view(number, **properties), event_type=event_type)


def order(number: int, **properties: Any) -> Event:
    items = {"0": {"li_sku": "a", "li_unit_price": "1.50", "li_quantity": "2"}}
    money = {"ct_order_id": f"o{number}", "ct_total": "30.00", "ct_tax": "2.00", "ct_shipping": "1.00"}
    return other("ecommerce.transaction", number, **{**money, "ct_line_items": items, **properties})


def visit() -> list[Event]:
    """A session in which every column that can be has a value."""
    common: dict[str, Any] = {
        "user_name": "anna",
        "user_email": "a@example.org",
        "language": "en",
        "ip_address": "192.0.2.1",
    }
    common |= {"REMOTE_HOST": "www.isp.example", "HTTP_USER_AGENT": "curl/8.5.0", "attribs": '[{"md":"email"}]'}
    common |= {"cv1": "plan=gold", "last_req": "1795200000", "dsps": "1", "dsfs": "2", "nps": "3"}
    common |= {"prior_session_id": "17", "country": "Chile", "city": "Arica", "state": "XV"}
    source: dict[str, Any] = {
        "medium": "email",
        "source": "news",
        "campaign": "spring",
        "ad": "banner",
        "search_terms": "owa",
    }
    return [
        page_view(1, first=True, session_referer="http://bing.com/?q=x", **common),
        *(page_view(10 + n, at=n, **source, page_url=f"http://shop.example/{n}/x") for n in range(1, 16)),
        other("track.action", 40, at=40, page_url="http://shop.example/2/x"),
        order(41, at=41, page_url="http://shop.example/3/x"),
        order(42, at=42, original_session_id="11", session=99, visitor=98),
    ]


def damage(processing: Processing, **values: Any) -> None:
    with processing.database.writing() as connection:
        connection.execute(update(SESSION).values(values))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_mended(processing: Processing, column: str) -> None:
    processing.settle(*visit())
    names = (SESSION, VISITOR, TRANSACTION, LINE_ITEM)
    before = [processing.rows(table) for table in names]
    right = before[0][0][column]
    is_text = SESSION.c[column].type.python_type is str
    values: list[Any] = ["damaged"] if is_text else [7 if right is None else right + 1]
    if SESSION.c[column].nullable and right is not None:
        values.append(None)
    for wrong in values:
        damage(processing, **{column: wrong})
        found = rebuild(processing, check=True)
        assert found == Rebuilt(1, 1, columns=1, differences=[Difference("s1", 11, column, wrong, right)])
        assert processing.row(SESSION)[column] == wrong
        assert rebuild(processing) == found
        assert [processing.rows(table) for table in names] == before
        assert rebuild(processing) == Rebuilt(1)


def test_the_visit_has_every_value_that_there_is(processing: Processing) -> None:
    """So that each column's test is one of a value."""
    processing.settle(*visit())
    empty = {name for name, value in processing.row(SESSION).items() if value is None}
    starts = {f"goal_{number}_start" for number in range(1, 16)}
    assert empty - starts == {"num_comments", "site", "is_feedreader", "num_goal_starts"}
    assert rebuild(processing) == Rebuilt(1)


def test_a_missing_row_is_made_anew_and_what_waited_for_it_goes_on(processing: Processing) -> None:
    processing.settle(*visit(), page_view(60, session=12, at=60))
    before = [processing.rows(table) for table in (SESSION, VISITOR, TRANSACTION, LINE_ITEM)]
    with processing.database.writing() as connection:
        connection.execute(delete(SESSION))
    late = page_view(61, at=35)
    processing.settle(late)  # finds the session closed, and waits
    found = rebuild(processing)
    assert found == Rebuilt(1, missing=1, columns=1, differences=[Difference("s1", 11, "id", None, 11)])
    assert [processing.rows(table) for table in (SESSION, VISITOR, TRANSACTION, LINE_ITEM)] == before
    assert processing.finish().processed == 1
    assert processing.row(SESSION)["num_pageviews"] == before[0][0]["num_pageviews"] + 1
    assert rebuild(processing) == Rebuilt(1)


def test_a_row_without_page_views_is_told_and_left_alone(processing: Processing) -> None:
    processing.settle(*visit(), page_view(50, session=12, first=True))
    with processing.database.writing() as connection:
        connection.execute(delete(REQUEST).where(REQUEST.c.session_id == 11))
        connection.execute(update(SESSION).where(SESSION.c.id == 11).values(entry_at=None))
    before = processing.rows(SESSION)
    assert rebuild(processing) == Rebuilt(2, without_page_views=1)
    damage(processing, num_pageviews=9)
    found = rebuild(processing)  # and the visitor's last session is no row without an entry
    assert (found.differing, found.without_page_views) == (1, 1)
    assert processing.rows(SESSION)[1] == before[1]
    assert [row["last_session_id"] for row in processing.rows(VISITOR)] == [12, None]


def test_sessions_from_before_the_migration_are_skipped(processing: Processing) -> None:
    processing.settle(*visit(), page_view(50, session=12, first=True))
    with processing.database.writing() as connection:
        connection.execute(update(REQUEST).where(REQUEST.c.id == page_view(1).guid).values(received_at=None))
    damage(processing, num_pageviews=9)
    found = rebuild(processing)
    assert (found.sessions, found.skipped, found.differing) == (2, 1, 1)
    assert [row["num_pageviews"] for row in processing.rows(SESSION)] == [9, 1]


# Sessions that are not as others


def drain(processing: Processing, *events: Event) -> None:
    queue = MemoryQueue()
    queue.put(events)
    assert drain_events(queue, processing.processor).outage is None


def test_waiting_sessions_wait_and_adopted_ones_stay_adopted(processing: Processing) -> None:
    drain(processing, page_view(2, at=2), page_view(1, at=1))
    assert rebuild(processing) == Rebuilt()
    processing.clock.move(DAY)
    drain(processing)
    drain(processing, page_view(3, at=-3), page_view(4, session=12))
    (row,) = processing.rows(SESSION)
    assert (row["entry_adopted"], row["entry_guid"], row["num_pageviews"]) == (1, page_view(3).guid, 3)
    assert rebuild(processing) == Rebuilt(1)
    damage(processing, entry_adopted=0, entry_guid=1)
    assert rebuild(processing).differing == 1
    assert processing.row(SESSION) == row


def test_an_adopted_session_that_is_gone_is_adopted_again(processing: Processing) -> None:
    drain(processing, page_view(1, at=1), page_view(2, at=2))
    processing.clock.move(DAY)
    drain(processing)
    row = processing.row(SESSION)
    with processing.database.writing() as connection:
        connection.execute(delete(SESSION))
    assert rebuild(processing).missing == 1
    assert processing.row(SESSION) == row


@pytest.mark.parametrize("state", ["woken", "leased", "retrying", "failed"])
def test_what_is_still_to_be_added_is_not_counted(processing: Processing, state: str) -> None:
    processing.settle(page_view(1, at=5), page_view(2, at=6))
    processing.settle(page_view(3, first=True))
    assert processing.row(SESSION)["num_pageviews"] == 1
    if state == "leased":
        lease = processing.processor.lease(1)
    elif state != "woken":
        given_up = {"status": "broken", "fingerprint": "x", "last_attempt_timestamp": NOON}
        values: dict[str, Any] = {"failed_attempt_count": 1} if state == "retrying" else given_up
        with processing.database.writing() as connection:
            connection.execute(update(QUEUE_ITEM).values(values))
    damage(processing, num_pageviews=9)
    assert rebuild(processing).differing == 1
    assert processing.row(SESSION)["num_pageviews"] == 1
    if state == "leased":
        processing.processor.settle_lease(lease)
    if state == "failed":
        with processing.database.writing() as connection:
            keys = [(page_view(number).guid, "") for number in (1, 2)]
            processing.retries.retry(connection, keys, processing.clock.now())
    processing.finish()
    assert processing.row(SESSION)["num_pageviews"] == 3
    assert rebuild(processing) == Rebuilt(1)


def test_one_that_failed_and_came_again_counts(processing: Processing) -> None:
    """Its core work is unfinished, but no more than to find that it is a duplicate."""
    event = page_view(1, first=True)
    with processing.database.writing() as connection:
        failure = Failure(event, Remaining.EVERYTHING, "no", "", 1, NOON, NOON + DAY * MICROSECONDS)
        processing.retries.keep(connection, [failure], NOON)
    processing.settle(event)
    assert rebuild(processing) == Rebuilt(1)


def test_texts_keep_their_spelling(processing: Processing) -> None:
    """A dimension has the least text of an id, and who entered the session may have had another."""
    processing.settle(page_view(1, first=True, country="chile", city="arica"))
    processing.settle(page_view(2, first=True, session=12, country="CHILE", city="ARICA"))
    assert rebuild(processing) == Rebuilt(2)
    assert [row["city"] for row in processing.rows(SESSION)] == ["arica", "ARICA"]
    with processing.database.writing() as connection:
        connection.execute(delete(HOST))
    assert rebuild(processing) == Rebuilt(2)


def test_a_damaged_entry_is_followed_by_delayed_orders(processing: Processing) -> None:
    processing.settle(*visit(), page_view(50, at=-5, user_name="bert"))
    before = [processing.rows(table) for table in (SESSION, TRANSACTION, LINE_ITEM)]
    with processing.database.writing() as connection:
        connection.execute(update(TRANSACTION).where(TRANSACTION.c.original_session == 1).values(medium="x"))
    damage(processing, entry_guid=page_view(50).guid)
    assert rebuild(processing).differing == 1
    assert [processing.rows(table) for table in (SESSION, TRANSACTION, LINE_ITEM)] == before


def test_visitors_follow(processing: Processing) -> None:
    processing.settle(page_view(1, first=True, nps="1"), page_view(2, at=100, session=12, first=True, nps="2"))
    before = processing.rows(VISITOR)
    with processing.database.writing() as connection:
        connection.execute(update(SESSION).where(SESSION.c.id == 12).values(visitor_id=77, num_prior_sessions=5))
        connection.execute(update(VISITOR).values(num_prior_sessions=9, last_session_id=1))
    assert rebuild(processing).differing == 1
    assert processing.rows(VISITOR) == before


def test_goals_keep_what_they_were_and_their_worth_follows(processing: Processing) -> None:
    """Which goals an event reached is decided when it is processed; what a goal is worth, an admin may change."""
    processing.settle(page_view(1, first=True, page_url="http://shop.example/1/x"))
    changed = [replace(GOALS[0], pattern="/x", value=500), *GOALS[1:]]

    def with_goals(goals: list[Goal]) -> Rebuilt:
        sites = {"s1": Site("s1", "http://shop.example", {"goals": dump(goals)})}
        context = ProcessingContext(processing.settings, sites, NOON)
        return rebuild_sessions(processing.database, processing.retries, lambda: context)

    assert {found.column for found in with_goals(changed).differences} == {"goal_1_value", "goals_value"}
    assert processing.row(SESSION)["goals_value"] == 500
    assert with_goals([]) == Rebuilt(1)


# Which sessions


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [11, 12, 13]),
        (0, None, [11, 12, 13]),
        (1, None, [11, 12, 13]),
        (11, None, [12, 13]),
        (20, 21, [12]),
        (21, None, [13]),
        (None, 20, [11]),
        (None, 0, []),
    ],
)
def test_period(processing: Processing, start: int | None, end: int | None, expected: list[int]) -> None:
    processing.settle(
        page_view(1, first=True),
        page_view(2, at=10.9),
        page_view(3, session=12, at=20, first=True),
        page_view(4, session=13, at=30, first=True),
        page_view(5, session=13, site="s2", at=0),  # waits
    )
    damage(processing, is_bounce=7)
    at = [None if second is None else SECOND + second for second in (start, end)]
    found = rebuild(processing, Period(*at))
    assert [difference.session_id for difference in found.differences] == expected
    assert found.sessions == len(expected)


def test_many_sessions_in_small_transactions(processing: Processing, monkeypatch: pytest.MonkeyPatch) -> None:
    """One session is larger than a transaction should be; some ids are of two sites."""
    monkeypatch.setattr(rebuilding, "SESSIONS", 3)
    monkeypatch.setattr(rebuilding, "PAGE_VIEWS", 10)
    chance = random.Random(3)
    events = [
        page_view(
            n, at=n, session=chance.choice((1, 1, 1, *range(2, 30))), site=chance.choice(("s1", "s2")), first=True
        )
        for n in range(1, 200)
    ]
    processing.settle(*events)
    before = processing.rows(SESSION)
    assert rebuild(processing) == Rebuilt(len(before))
    with processing.database.writing() as connection:
        connection.execute(delete(SESSION).where(SESSION.c.id % 2 == 0))
    damage(processing, num_pageviews=0)
    found = rebuild(processing)
    assert found.differing + found.missing == len(before)
    assert processing.rows(SESSION) == before


def test_more_differences_than_are_told(processing: Processing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "MOST_DIFFERENCES", 2)
    processing.settle(*(page_view(n, session=n, first=True) for n in range(1, 6)))
    damage(processing, num_pageviews=0)
    found = rebuild(processing)
    assert (found.columns, [one.session_id for one in found.differences]) == (5, [1, 2])


# Beside drains


@pytest.mark.parametrize("seed", range(2))
def test_generated_traffic_that_is_drained_meanwhile(
    processing: Processing, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two transactions of the rebuild, batches are settled, and what they woke is half of the time not."""
    monkeypatch.setattr(rebuilding, "SESSIONS", 3)
    chance = random.Random(seed)
    plan = Plan(120, tuple(SITES), seed=seed, servers=3, duplicates=0.2, nasty=0.5, skew=60)
    coming = [delivery.event for delivery in deliver(plan, late_server=1)]
    coming += [
        make(7_000 + n, at=0, session=view.session_id, visitor=view.visitor_id, site=view.site_id, page_url=url)
        for n, view in enumerate(chance.sample(coming, 40))
        for make, url in [(chance.choice((order, _action)), f"http://shop.example/{n % 15}/x")]
    ]
    chance.shuffle(coming)

    def context() -> ProcessingContext:
        return ProcessingContext(processing.settings, SITES, processing.clock.now())

    def settle_some(_count: int) -> None:
        batch = [coming.pop() for _ in range(min(len(coming), chance.randint(1, 8)))]
        processing.settle(*batch)
        if chance.random() < 0.5:
            processing.processor.retry(chance.randint(1, 5))
        if chance.random() < 0.1:
            processing.clock.move(DAY)
            processing.processor.judge_orphans()

    found = 0
    while coming:
        settle_some(0)
        rebuilt = rebuild_sessions(processing.database, processing.retries, context, progress=settle_some)
        assert rebuilt == Rebuilt(rebuilt.sessions)
        found += rebuilt.sessions
    assert found
    drain(processing)
    processing.clock.move(DAY)
    drain(processing)
    processing.finish()
    assert len(processing.rows(SESSION)) > 20
    assert rebuild(processing) == Rebuilt(len(processing.rows(SESSION)))


def _action(number: int, **properties: Any) -> Event:
    return other("track.action", number, **properties)


def test_a_hot_session_is_streamed(processing: Processing, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of its page views are held than a part, and those that decide something."""
    monkeypatch.setattr(stored_page_views, "PART", 50)
    sizes = []
    real = processing.retries.unfinished_among

    def noting(connection: Any, guids: Any, remaining: Any) -> set[int]:
        sizes.append(len(guids))
        return real(connection, guids, remaining)

    processing.settle(page_view(1, first=True), *(page_view(n, at=n) for n in range(2, 1_001)))
    monkeypatch.setattr(type(processing.retries), "unfinished_among", lambda _self, *given: noting(*given))
    assert rebuild(processing) == Rebuilt(1)
    assert (len(sizes), max(sizes), sum(sizes)) == (20, 50, 1_000)

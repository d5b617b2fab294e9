"""The handler of page views: facts, dimensions, sessions and visitors, a batch at a time."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from owa.analytics.dimensions import store_dimensions
from owa.analytics.fact import Fact
from owa.analytics.facts import coerced, only_new
from owa.analytics.order_entries import follow_entries
from owa.analytics.page_view import PAGE_VIEW, PageView, page_view
from owa.analytics.session_sums import News, take_in
from owa.analytics.sessions import SessionId, fold, open_sessions, store_sessions
from owa.analytics.tables import REQUEST
from owa.analytics.visitors import recompute_last_sessions, store_visitors
from owa.contributions import Handled, ProcessingContext
from owa.db.bulk import insert_new
from owa.events import Event
from owa.queues.contract import Waiting, session_key


class PageViews:
    """See `owa.contributions.FactHandler`."""

    event_types = frozenset((PAGE_VIEW,))

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        new, duplicates = only_new(connection, REQUEST, events)
        new.sort(key=lambda event: event.guid)
        derived = [page_view(event, context) for event in new]
        facts = [fact for fact, _ in derived]
        _INSERT.run(connection, [view.row for _, view in derived])
        store_dimensions(connection, facts)
        handled = _into_sessions(connection, new, [view for _, view in derived], context, facts)
        handled.duplicates, handled.coerced = duplicates, coerced(facts)
        return handled

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        views = [page_view(event, context)[1] for event in events]
        return _into_sessions(connection, events, views, context)

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        views = [page_view(event, context)[1] for event in events]
        return _into_sessions(connection, events, views, context, adopt=True)

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        sessions = [_parse_key(key) for key in keys]
        return [session_key(*identity) for identity in open_sessions(connection, sessions)]


def _into_sessions(
    connection: Connection,
    events: Iterable[Event],
    views: Sequence[PageView],
    context: ProcessingContext,
    new: Sequence[Fact] | None = None,
    *,
    adopt: bool = False,
) -> Handled:
    """Merge the page views of open sessions, and let the others wait, or `adopt` their sessions. `new`: if they are, so
    that no visitor knows of them yet."""
    handled = Handled()
    folds = fold(views)
    known = open_sessions(connection, folds)
    for identity, item in folds.items():
        stored = known.get(identity)
        item.adopted = stored.adopted if stored else adopt
    ready = {identity: item for identity, item in folds.items() if item.entry or identity in known}
    store_sessions(connection, list(ready.values()), context)
    entries, moved, news, entered = [], set(), News(), set()
    for identity, item in ready.items():
        news.reach(identity, item.goals)
        before = known.get(identity)
        if item.entry and item.entry_key and (before is None or item.entry_key < before.entry):
            entries.append(item.entry)
            entered.add(identity)
            if before:
                moved |= {before.visitor_id, item.entry.visitor_id}
            else:
                news.opened.add(identity)
                handled.opened.append(session_key(*identity))
    store_visitors(connection, context, new or (), views if new is not None else (), entries)
    recompute_last_sessions(connection, moved, context)
    take_in(connection, news, context)
    follow_entries(connection, entered)
    handled.waiting = _waiting(events, ready)
    return handled


def _waiting(events: Iterable[Event], ready: Collection[SessionId]) -> list[Waiting]:
    return [
        Waiting(event, session_key(event.site_id, event.session_id))
        for event in events
        if (event.site_id, event.session_id) not in ready
    ]


def _parse_key(key: str) -> SessionId:
    site_id, _, session_id = key.removeprefix("session:").rpartition(":")
    return site_id, int(session_id)


_INSERT = insert_new(REQUEST, REQUEST.columns.keys())

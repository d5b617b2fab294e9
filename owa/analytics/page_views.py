"""The handler of page views: facts, dimensions, sessions and visitors, a batch at a time."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, func, select

from owa.analytics.dimensions import store_dimensions
from owa.analytics.page_view import PAGE_VIEW, PageView, page_view
from owa.analytics.sessions import SessionId, fold, open_sessions, store_sessions
from owa.analytics.tables import REQUEST
from owa.analytics.visitors import recompute_last_sessions, store_visitors
from owa.contributions import Handled, ProcessingContext
from owa.db.bulk import chunks, insert_new
from owa.events import Event
from owa.queues.contract import Waiting, session_key

_GUIDS_OF_A_SERVER, _SERVERS = 10**6, 1000
"""Where the number of the server stands in a guid."""


class PageViews:
    """See `owa.contributions.FactHandler`."""

    event_types = frozenset((PAGE_VIEW,))

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        new, duplicates = _only_new(connection, events)
        views = [page_view(event, context) for event in new]
        _INSERT.run(connection, [view.row for view in sorted(views, key=lambda view: view.event.guid)])
        store_dimensions(connection, views)
        handled = _store_sessions_and_visitors(connection, views, views, context)
        handled.duplicates = duplicates
        handled.coerced = [(view.event, name) for view in views for name in view.coerced]
        return handled

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        views = [page_view(event, context) for event in events]
        return _store_sessions_and_visitors(connection, views, (), context)

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        views = [page_view(event, context) for event in events]
        return _store_sessions_and_visitors(connection, views, (), context, adopt=True)

    def count_facts(self, connection: Connection) -> Counter[tuple[int, str]]:
        server = REQUEST.c.id // _GUIDS_OF_A_SERVER % _SERVERS
        rows = connection.execute(select(server, REQUEST.c.site_id, func.count()).group_by(server, REQUEST.c.site_id))
        return Counter({(int(number), site_id): count for number, site_id, count in rows})

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        sessions = [_parse_key(key) for key in keys]
        return [session_key(*identity) for identity in open_sessions(connection, sessions)]


def _only_new(connection: Connection, events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """The events that no row was written for, each once, and the others."""
    stored: set[int] = set()
    for part in chunks(event.guid for event in events):
        stored.update(connection.execute(select(REQUEST.c.id).where(REQUEST.c.id.in_(part))).scalars())
    new: dict[int, Event] = {}
    duplicates = []
    for event in events:
        if event.guid in stored or event.guid in new:
            duplicates.append(event)
        else:
            new[event.guid] = event
    return list(new.values()), duplicates


def _store_sessions_and_visitors(
    connection: Connection,
    views: Sequence[PageView],
    new: Sequence[PageView],
    context: ProcessingContext,
    *,
    adopt: bool = False,
) -> Handled:
    """Merge the page views of open sessions, and let the others wait, or `adopt` their sessions. `new`: those that no
    visitor knows of yet."""
    handled = Handled()
    folds = fold(views)
    known = open_sessions(connection, folds)
    for identity, item in folds.items():
        stored = known.get(identity)
        item.adopted = stored.adopted if stored else adopt
    ready = {identity: item for identity, item in folds.items() if item.entry or identity in known}
    store_sessions(connection, list(ready.values()), context)
    entries, moved = [], set()
    for identity, item in ready.items():
        before = known.get(identity)
        if item.entry and item.entry_key and (before is None or item.entry_key < before.entry):
            entries.append(item.entry)
            if before:
                moved |= {before.visitor_id, item.entry.event.visitor_id}
            else:
                handled.opened.append(session_key(*identity))
    store_visitors(connection, new, entries)
    recompute_last_sessions(connection, moved, context)
    handled.waiting = _waiting(views, ready)
    return handled


def _waiting(views: Iterable[PageView], ready: Collection[SessionId]) -> list[Waiting]:
    return [
        Waiting(view.event, session_key(view.event.site_id, view.event.session_id))
        for view in views
        if (view.event.site_id, view.event.session_id) not in ready
    ]


def _parse_key(key: str) -> SessionId:
    site_id, _, session_id = key.removeprefix("session:").rpartition(":")
    return site_id, int(session_id)


_INSERT = insert_new(REQUEST, REQUEST.columns.keys())

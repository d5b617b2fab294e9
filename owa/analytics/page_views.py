"""The handler of page views: facts, dimensions, sessions and visitors, a batch at a time."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from owa.analytics.dimensions import store_dimensions
from owa.analytics.fact import Derivation, Fact
from owa.analytics.facts import coerced, only_new
from owa.analytics.follow_ups import FollowUps
from owa.analytics.order_entries import follow_entries
from owa.analytics.page_view import COLUMNS, PAGE_VIEW, PageView, page_view
from owa.analytics.session_sums import Conversion, News, take_in
from owa.analytics.sessions import Fold, OpenSession, SessionId, fold, open_sessions, store_sessions
from owa.analytics.stored_page_views import rows_of, spelled_as_stored
from owa.analytics.tables import REQUEST
from owa.analytics.visitors import recompute_last_sessions, store_visitors
from owa.contributions import Handled, ProcessingContext
from owa.db.bulk import BulkInsert
from owa.events import Event
from owa.queues.contract import Waiting, session_key, session_of_key


class PageViews:
    """See `owa.contributions.FactHandler`."""

    event_types = frozenset((PAGE_VIEW,))
    may_be_tried = True

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        new, duplicates = only_new(connection, REQUEST, events)
        new.sort(key=lambda event: event.guid)
        derivation = Derivation(context)
        facts = list(map(derivation.fact, new))
        views = [page_view(fact, derivation) for fact in facts]
        _INSERT.run(connection, [view.row for view in views])
        store_dimensions(connection, facts)
        handled = _into_sessions(connection, new, views, context, facts)
        handled.duplicates, handled.coerced = duplicates, coerced(facts)
        return handled

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        return _into_sessions(connection, events, _as_stored(connection, events, context), context)

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        return _into_sessions(connection, events, _as_stored(connection, events, context), context, adopt=True)

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        sessions = filter(None, map(session_of_key, keys))
        return [session_key(*identity) for identity in open_sessions(connection, sessions)]


def _as_stored(connection: Connection, events: Iterable[Event], context: ProcessingContext) -> list[PageView]:
    """The page views that have their rows: what these say counts, whatever has been configured since."""
    derivation, rows = Derivation(context), rows_of(connection, (event.guid for event in events))
    views = (page_view(derivation.fact(event), derivation) for event in events)
    return [spelled_as_stored(view, rows.get(event.guid)) for event, view in zip(events, views, strict=True)]


def _into_sessions(
    connection: Connection,
    events: Sequence[Event],
    views: Sequence[PageView],
    context: ProcessingContext,
    new: Sequence[Fact] | None = None,
    *,
    adopt: bool = False,
) -> Handled:
    """Merge the page views of open sessions, and let the others wait, or `adopt` their sessions. `new`: if they are, so
    that no visitor knows of them yet."""
    folds = fold(views)
    known = open_sessions(connection, folds)
    for identity, item in folds.items():
        stored = known.get(identity)
        item.adopted = stored.adopted if stored else adopt
    ready = {identity: item for identity, item in folds.items() if item.entry or identity in known}
    store_sessions(connection, list(ready.values()), context)
    entries = _new_entries(ready, known)
    opened = entries.keys() - known.keys()
    store_visitors(connection, context, new or (), views if new is not None else (), entries.values())
    changed = (entries[identity].visitor_id for identity in entries.keys() & known.keys())
    former = (known[identity].visitor_id for identity in entries.keys() & known.keys())
    recompute_last_sessions(connection, {*changed, *former}, context)
    news = News(opened=opened)
    for identity, item in ready.items():
        news.reach(identity, item.goals)
    conversions = take_in(connection, news, context)
    follow_entries(connection, entries)
    opening = {entries[identity].key[1]: ready[identity].flagged is None for identity in opened}
    return Handled(
        waiting=[
            Waiting(event, session_key(*_session_of(event))) for event in events if _session_of(event) not in ready
        ],
        opened=[session_key(*identity) for identity in entries if identity in opened],
        follow_ups=_follow_ups(context, events, ready, opening, conversions, are_new=new is not None),
    )


def _new_entries(ready: Mapping[SessionId, Fold], known: Mapping[SessionId, OpenSession]) -> dict[SessionId, PageView]:
    """The page views that open their sessions from now on."""
    found = {}
    for identity, item in ready.items():
        before = known.get(identity)
        if item.entry and item.entry_key and (before is None or item.entry_key < before.entry):
            found[identity] = item.entry
    return found


def _follow_ups(
    context: ProcessingContext,
    events: Sequence[Event],
    ready: Mapping[SessionId, Fold],
    opening: Mapping[int, bool],
    conversions: Iterable[Conversion],
    *,
    are_new: bool,
) -> list[Event]:
    """`opening`: the page views that have opened a session, and whether without a first page."""
    if not context.wanted:
        return []
    follow_ups = FollowUps(context)
    follow_ups.facts_stored((event, event.session_id) for event in events if are_new)
    taken = {_session_of(event): event for event in events if _session_of(event) in ready}
    for event in events:
        if event.guid in opening:
            follow_ups.new_session(event, adopted=opening[event.guid])
        elif _session_of(event) in ready:
            follow_ups.session_update(event)
    follow_ups.conversions(conversions, taken)
    return follow_ups.events


def _session_of(event: Event) -> SessionId:
    return event.site_id, event.session_id


_INSERT = BulkInsert(REQUEST, COLUMNS)

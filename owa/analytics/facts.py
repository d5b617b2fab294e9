"""The handler of a family of facts: a row for each event, and what its session takes from it."""

from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import Connection, Table

from owa.analytics.dimensions import store_dimensions
from owa.analytics.fact import Derivation, Fact
from owa.analytics.families import Family
from owa.analytics.follow_ups import FollowUps
from owa.analytics.session_sums import News, take_in
from owa.analytics.sessions import SessionId, open_sessions
from owa.analytics.visitors import store_visitors
from owa.contributions import Handled, ProcessingContext
from owa.db.bulk import LookUp, look_up
from owa.events import Event
from owa.queues.contract import Waiting, session_key


class Facts:
    """See `owa.contributions.FactHandler`."""

    may_be_tried = True

    def __init__(self, family: Family) -> None:
        self._family = family
        self.event_types = frozenset((family.event_type,))

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        family = self._family
        new, duplicates = only_new(connection, family.table, events)
        derivation = Derivation(context)
        facts = sorted(map(derivation.fact, new), key=lambda fact: fact.event.guid)
        family.insert.run(connection, (family.row(fact, derivation) for fact in facts))
        store_dimensions(connection, facts)
        store_visitors(connection, context, facts)
        follow_ups = FollowUps(context)
        follow_ups.facts_stored((fact.event, fact.session_id) for fact in facts)
        handled = Handled(duplicates=duplicates, coerced=coerced(facts), follow_ups=follow_ups.events)
        if family.in_session:
            opened = open_sessions(connection, map(session_of, facts))
            handled.waiting = waiting(facts, opened)
            if family.reaches_goals:
                taken = {session_of(fact): fact.event for fact in facts if session_of(fact) in opened}
                news = News.of_goals(fact for fact in facts if session_of(fact) in opened)
                follow_ups.conversions(take_in(connection, news, context), taken)
        return handled

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """Its session took in what it is to it when it was opened."""
        facts = list(map(Derivation(context).fact, events))
        return Handled(waiting=waiting(facts, open_sessions(connection, map(session_of, facts))))

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """It cannot open a session. If that opens after all, it takes in what is stored."""
        return Handled()

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        return []


def only_new(connection: Connection, table: Table, events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """The events that have no row in `table`, each once, and the others."""
    stored = {guid for (guid,) in _guids(table).rows(connection, (event.guid for event in events))}
    new: dict[int, Event] = {}
    duplicates = []
    for event in events:
        if event.guid in stored or event.guid in new:
            duplicates.append(event)
        else:
            new[event.guid] = event
    return list(new.values()), duplicates


@cache
def _guids(table: Table) -> LookUp:
    return look_up(table.c.id, by=table.c.id)


def session_of(fact: Fact) -> SessionId:
    return fact.event.site_id, fact.session_id


def waiting(facts: Iterable[Fact], opened: Iterable[SessionId]) -> list[Waiting]:
    """Those whose session is not among the open ones."""
    ready = set(opened)
    return [Waiting(fact.event, session_key(*session_of(fact))) for fact in facts if session_of(fact) not in ready]


def coerced(facts: Iterable[Fact]) -> list[tuple[Event, str]]:
    return [(fact.event, name) for fact in facts for name in fact.values.coerced]

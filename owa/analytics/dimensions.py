"""Dimension rows of events: gathered in memory for a batch, then merged in one statement a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table

from owa import user_agent
from owa.analytics import tables, urls
from owa.analytics.aspects import SEPARATOR, place_id
from owa.analytics.attribution import referred_by
from owa.analytics.fact import Fact
from owa.analytics.merges import dimension_merge
from owa.db.bulk import BulkStatement
from owa.events import Key
from owa.identity import NOT_SET, text_id


@dataclass(frozen=True)
class Dimension:
    """A table keyed by the hash of a text, and how events fill it."""

    table: Table
    column: str
    """The column of the text. The least text that has the id is stored."""
    text: Callable[[Fact], str]
    """The text that a event has; empty for none."""
    derived: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    """Columns that follow from the text."""
    attributes: Mapping[str, Callable[[Fact], str]] = field(default_factory=dict)
    """Columns of which the last non-empty value by key counts."""
    identity: Callable[[str], int] = text_id

    def store(self, connection: Connection, facts: Sequence[Fact]) -> None:
        """Merge what the events tell into the table. They come in the order of their keys."""
        texts = dict.fromkeys(map(self.text, facts))
        texts.pop("", None)
        rows: dict[int, dict[str, Any]] = {}
        for text in texts:
            self._fold(rows, text)
        for row in rows.values():
            row.update({name: derive(row[self.column]) for name, derive in self.derived.items()})
        for name, value_of in self.attributes.items():
            # of events with the same text, the last one that has a value stays
            for text, fact in {self.text(fact): fact for fact in facts if value_of(fact)}.items():
                if text:
                    _take_later(rows[self.identity(text)], name, value_of(fact), fact.key)
        self._merge.run(connection, [rows[identity] for identity in sorted(rows)])

    def _fold(self, rows: dict[int, dict[str, Any]], text: str) -> None:
        identity = self.identity(text)
        row = rows.get(identity)
        if row is None:
            rows[identity] = {**self._empty_row, "id": identity, self.column: text}
        elif text < row[self.column]:
            row[self.column] = text

    @cached_property
    def _empty_row(self) -> dict[str, Any]:
        return dict.fromkeys(self.table.columns.keys()) | dict.fromkeys(self.attributes, NOT_SET)

    @cached_property
    def _merge(self) -> BulkStatement:
        return dimension_merge(self.table, self.column, self.derived, self.attributes)


def store_dimensions(connection: Connection, facts: Iterable[Fact]) -> None:
    """Merge the dimension rows of a batch into their tables."""
    ordered = sorted(facts, key=_key)
    for dimension in DIMENSIONS:
        dimension.store(connection, ordered)


def _take_later(row: dict[str, Any], name: str, value: str, key: Key) -> None:
    at, guid = f"{name}_at", f"{name}_guid"
    if row[at] is None or key > (row[at], row[guid]):
        row[name], (row[at], row[guid]) = value, key


_key = attrgetter("key")


def _site(referer: str) -> str:
    return urls.host(referer)


def _is_search_engine(referer: str) -> int | None:
    return 1 if referred_by(referer).medium == "organic-search" else None


def _always(value: str) -> Callable[[str], str]:
    return lambda _text: value


def _part(number: int) -> Callable[[str], str]:
    return lambda text: text.split(SEPARATOR)[number]


def _known(text: str) -> str:
    return "" if text == NOT_SET else text


DIMENSIONS = (
    Dimension(
        tables.DOCUMENT,
        "url",
        attrgetter("page.url"),
        derived={"uri": urls.uri},
        attributes={"page_title": attrgetter("title"), "page_type": attrgetter("page_type")},
    ),
    Dimension(
        tables.REFERER,
        "url",
        attrgetter("origin.referer"),
        derived={"site": _site, "page_title": _always(NOT_SET), "is_searchengine": _is_search_engine},
    ),
    Dimension(
        tables.UA,
        "ua",
        attrgetter("agent.text"),
        derived={
            "browser_type": lambda text: user_agent.parse(text).browser or NOT_SET,
            "browser": lambda text: user_agent.parse(text).version,
        },
    ),
    Dimension(tables.OS, "name", attrgetter("agent.parsed.operating_system")),
    Dimension(
        tables.HOST,
        "host",
        attrgetter("whereabouts.host"),
        derived={name: _always(NOT_SET) for name in ("city", "country", "latitude", "longitude")},
        attributes={
            "ip_address": lambda fact: _known(fact.whereabouts.ip_address),
            "full_host": lambda fact: _known(fact.whereabouts.full_host),
        },
    ),
    Dimension(
        tables.LOCATION,
        "place",
        attrgetter("whereabouts.place"),
        derived={name: _part(number) for number, name in enumerate(("country", "state", "city"))},
        attributes={
            "country_code": attrgetter("whereabouts.location.country_code"),
            "latitude": attrgetter("whereabouts.location.latitude"),
            "longitude": attrgetter("whereabouts.location.longitude"),
        },
        identity=place_id,
    ),
    Dimension(tables.SOURCE, "source_domain", attrgetter("origin.attribution.source")),
    Dimension(tables.CAMPAIGN, "name", attrgetter("origin.attribution.campaign")),
    Dimension(
        tables.AD,
        "name",
        attrgetter("origin.attribution.ad"),
        attributes={"type": attrgetter("origin.ad_type")},
    ),
    Dimension(tables.SEARCH_TERM, "terms", attrgetter("origin.attribution.search_terms")),
)

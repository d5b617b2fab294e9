"""Dimension rows of page views: gathered in memory for a batch, then merged in one statement a table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Table

from owa import user_agent
from owa.analytics import tables, urls
from owa.analytics.attribution import referred_by
from owa.analytics.merges import dimension_merge
from owa.analytics.page_view import NOWHERE, PageView
from owa.db.bulk import BulkStatement, insert_new
from owa.events import Key
from owa.identity import NOT_SET, text_id


@dataclass(frozen=True)
class Dimension:
    """A table keyed by the hash of a text, and how page views fill it."""

    table: Table
    column: str
    """The column of the text. The least text that has the id is stored."""
    text: Callable[[PageView], str]
    """The text that a page view has; empty for none."""
    derived: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    """Columns that follow from the text."""
    attributes: Mapping[str, Callable[[PageView], str]] = field(default_factory=dict)
    """Columns of which the last non-empty value by key counts."""

    def store(self, connection: Connection, views: Iterable[PageView]) -> None:
        """Merge what the page views tell into the table."""
        rows: dict[int, dict[str, Any]] = {}
        for view in views:
            text = self.text(view)
            if text:
                self._fold(rows, text, view)
        for row in rows.values():
            row.update({name: derive(row[self.column]) for name, derive in self.derived.items()})
        self._merge.run(connection, [rows[identity] for identity in sorted(rows)])

    def _fold(self, rows: dict[int, dict[str, Any]], text: str, view: PageView) -> None:
        identity = text_id(text)
        row = rows.get(identity)
        if row is None:
            row = rows[identity] = {**self._empty_row, "id": identity, self.column: text}
        elif text < row[self.column]:
            row[self.column] = text
        for name, value_of in self.attributes.items():
            if value := value_of(view):
                _take_later(row, name, value, view.event.key)

    @cached_property
    def _empty_row(self) -> dict[str, Any]:
        return dict.fromkeys(self.table.columns.keys()) | dict.fromkeys(self.attributes, NOT_SET)

    @cached_property
    def _merge(self) -> BulkStatement:
        return dimension_merge(self.table, self.column, self.derived, self.attributes)


def store_dimensions(connection: Connection, views: list[PageView]) -> None:
    """Merge the dimension rows of a batch into their tables."""
    for dimension in DIMENSIONS:
        dimension.store(connection, views)
    _INSERT_LOCATION.run(connection, [_UNKNOWN_LOCATION])


def _take_later(row: dict[str, Any], name: str, value: str, key: Key) -> None:
    at, guid = f"{name}_at", f"{name}_guid"
    if row[at] is None or key > (row[at], row[guid]):
        row[name], (row[at], row[guid]) = value, key


def _site(referer: str) -> str:
    return urls.host(referer)


def _is_search_engine(referer: str) -> int | None:
    return 1 if referred_by(referer).medium == "organic-search" else None


def _always(value: str) -> Callable[[str], str]:
    return lambda _text: value


def _known(text: str) -> str:
    return "" if text == NOT_SET else text


DIMENSIONS = (
    Dimension(
        tables.DOCUMENT,
        "url",
        lambda view: view.url,
        derived={"uri": urls.uri},
        attributes={"page_title": lambda view: view.title, "page_type": lambda view: view.page_type},
    ),
    Dimension(
        tables.REFERER,
        "url",
        lambda view: view.referer,
        derived={"site": _site, "page_title": _always(NOT_SET), "is_searchengine": _is_search_engine},
    ),
    Dimension(
        tables.UA,
        "ua",
        lambda view: view.agent_text,
        derived={
            "browser_type": lambda text: user_agent.parse(text).browser or NOT_SET,
            "browser": lambda text: user_agent.parse(text).version,
        },
    ),
    Dimension(tables.OS, "name", lambda view: view.agent.operating_system),
    Dimension(
        tables.HOST,
        "host",
        lambda view: view.host,
        derived={name: _always(NOT_SET) for name in ("city", "country", "latitude", "longitude")},
        attributes={
            "ip_address": lambda view: _known(view.ip_address),
            "full_host": lambda view: _known(view.full_host),
        },
    ),
    Dimension(tables.SOURCE, "source_domain", lambda view: view.attribution.source),
    Dimension(tables.CAMPAIGN, "name", lambda view: view.attribution.campaign),
    Dimension(
        tables.AD,
        "name",
        lambda view: view.attribution.ad,
        attributes={"type": lambda view: view.ad_type},
    ),
    Dimension(tables.SEARCH_TERM, "terms", lambda view: view.attribution.search_terms),
)

_INSERT_LOCATION = insert_new(tables.LOCATION, tables.LOCATION.columns.keys())
_UNKNOWN_LOCATION = {**dict.fromkeys(tables.LOCATION.columns.keys(), NOT_SET), "id": NOWHERE}

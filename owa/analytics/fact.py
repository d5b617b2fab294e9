"""What an event says by itself: the columns that all fact tables share, and the texts behind their ids."""

from typing import Any, NamedTuple

from owa.analytics import urls
from owa.analytics.aspects import (
    AGENT_COLUMNS,
    ORIGIN_COLUMNS,
    WHEREABOUTS_COLUMNS,
    Agent,
    Origin,
    Values,
    Whereabouts,
    agents,
    custom_variables,
    origins,
    whereabouts,
)
from owa.analytics.calendar import DATE_COLUMNS, Calendar, calendar
from owa.analytics.goals import goals_of, reached
from owa.analytics.pages import page_address
from owa.analytics.properties import Properties
from owa.analytics.settings import QUERY_STRING_FILTERS, TIME_ZONE
from owa.analytics.tables import CUSTOM_VARIABLES
from owa.contributions import ProcessingContext, Site
from owa.events import Event, Key
from owa.identity import NOT_SET, text_id

SHARED = (
    "id",
    "session_id",
    "visitor_id",
    "site_id",
    "timestamp",
    "last_req",
    "is_new_visitor",
    "is_repeat_visitor",
    "language",
    "days_since_prior_session",
    "days_since_first_session",
    "num_prior_sessions",
    "user_name",
    "received_at",
    "goals",
    *DATE_COLUMNS,
    *AGENT_COLUMNS,
    *ORIGIN_COLUMNS,
    *WHEREABOUTS_COLUMNS,
    *CUSTOM_VARIABLES,
)
"""Columns that all fact tables share, and some that several have."""


class Page(NamedTuple):
    """A page of a site."""

    url: str
    """Canonical."""
    id: int
    goals: int
    """The goals of the site that it reaches: bit 0 for goal 1, and so on."""


class Fact(NamedTuple):
    """An event with all that can be derived from it alone."""

    event: Event
    key: Key
    values: Properties
    """Knows also which properties were of the wrong type, and became NULL."""
    session_id: int
    """Of the session that it belongs to."""
    calendar: Calendar
    page: Page
    title: str
    page_type: str
    user_name: str
    agent: Agent
    origin: Origin
    whereabouts: Whereabouts
    custom_variables: Values

    @property
    def url(self) -> str:
        return self.page.url

    @property
    def goals(self) -> int:
        return self.page.goals

    @property
    def city(self) -> str:
        return self.whereabouts.location.city or NOT_SET

    @property
    def country(self) -> str:
        return self.whereabouts.location.country or NOT_SET


class Derivation:
    """Makes facts of the events of one batch."""

    def __init__(self, context: ProcessingContext, session_property: str = "") -> None:
        """All is derived from the event, its site's settings, the time zone, and where addresses are.
        `session_property`: that which names the session that an event belongs to, if it is there."""
        self._context = context
        self._session_property = session_property
        self._zone = context.settings[TIME_ZONE]
        self._filters = context.settings[QUERY_STRING_FILTERS]
        self._agents = agents()
        self._origins = origins()
        self._whereabouts = whereabouts(context.locate)
        self._custom_variables = custom_variables()
        self._pages: dict[tuple[str, str], Page] = {}

    def fact(self, event: Event) -> Fact:
        values = Properties(event.properties)
        own_session = values.identifier(self._session_property) if self._session_property else None
        return Fact(
            event,
            event.key,
            values,
            own_session or event.session_id,
            calendar(event.timestamp, self._zone),
            self._page(event.site_id, values.text("page_url")),
            values.text("page_title"),
            values.text("page_type"),
            values.text("user_name"),
            self._agents.of(values),
            self._origins.of(values),
            self._whereabouts.of(values),
            self._custom_variables.of(values),
        )

    def address(self, site_id: str, address: str) -> str:
        """The canonical address of a page of the site; empty for an empty one."""
        return page_address(address, self._site(site_id), self._filters)

    def _page(self, site_id: str, address: str) -> Page:
        page = self._pages.get((site_id, address))
        if page is None:
            url, goals = self.address(site_id, address), goals_of(self._site(site_id))
            mask = reached(goals, urls.uri(url)) if goals and url else 0
            page = self._pages[site_id, address] = Page(url or NOT_SET, text_id(url or NOT_SET), mask)
        return page

    def _site(self, site_id: str) -> Site:
        return self._context.sites.get(site_id) or Site(site_id, "")


def shared_values(fact: Fact) -> Values:
    """The values of `SHARED`."""
    event, values = fact.event, fact.values
    is_new_visitor = values.flag("is_new_visitor")
    return (
        event.guid,
        fact.session_id,
        event.visitor_id,
        event.site_id,
        event.timestamp,
        values.integer("last_req"),
        int(is_new_visitor),
        None if is_new_visitor else 1,
        values.text("language") or NOT_SET,
        values.integer("days_since_prior_session", "dsps"),
        values.integer("days_since_first_session", "dsfs"),
        values.integer("num_prior_sessions", "nps"),
        fact.user_name or NOT_SET,
        event.received_at,
        fact.page.goals or None,
        *fact.calendar.date.values,
        *fact.agent.values,
        *fact.origin.values,
        *fact.whereabouts.values,
        *fact.custom_variables,
    )


def shared_columns(fact: Fact) -> dict[str, Any]:
    """The columns that all fact tables share, and some that several have."""
    return {**dict(zip(SHARED, shared_values(fact), strict=True)), "document_id": fact.page.id}

"""What an event says by itself: the columns that all fact tables share, and the texts behind their ids."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from owa import user_agent
from owa.analytics import urls
from owa.analytics.attribution import Attribution, attribution, registrable_domain
from owa.analytics.calendar import Calendar, calendar
from owa.analytics.goals import goals_of, reached
from owa.analytics.pages import page_address
from owa.analytics.properties import Properties
from owa.analytics.settings import QUERY_STRING_FILTERS, TIME_ZONE
from owa.contributions import Location, ProcessingContext, Site
from owa.events import Event, Key
from owa.identity import NOT_SET, text_id
from owa.user_agent import UserAgent

SEPARATOR = "\x1f"
"""Between the parts of a place. It is no part of one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with all that can be derived from it alone."""

    event: Event
    values: Properties
    """Knows also which properties were of the wrong type, and became NULL."""
    session_id: int
    """Of the session that it belongs to."""
    calendar: Calendar
    url: str
    """Of the page, canonical."""
    title: str
    page_type: str
    referer: str
    agent_text: str
    agent: UserAgent
    host: str
    full_host: str
    ip_address: str
    location: Location
    attribution: Attribution
    carries_attribution: bool
    """Whether it says itself where the visit comes from."""
    ad_type: str
    user_name: str
    goals: int
    """The goals of the site that its page reaches: bit 0 for goal 1, and so on."""

    @property
    def key(self) -> Key:
        return self.event.key

    @property
    def city(self) -> str:
        return self.location.city or NOT_SET

    @property
    def country(self) -> str:
        return self.location.country or NOT_SET


def derive(event: Event, context: ProcessingContext, session_property: str = "") -> Fact:
    """Derive all from the event, its site's settings and the time zone. `session_property`: that which names the
    session that it belongs to, if it is there."""
    values = Properties(event.properties)
    site = context.sites.get(event.site_id) or Site(event.site_id, "")
    url = page_address(values.text("page_url"), site, context.settings[QUERY_STRING_FILTERS])
    agent_text = values.text("HTTP_USER_AGENT") or NOT_SET
    full_host = _full_host(values)
    address = values.text("ip_address") or NOT_SET
    source, carried = attribution(values)
    goals = goals_of(site)
    return Fact(
        event=event,
        values=values,
        session_id=(values.identifier(session_property) if session_property else None) or event.session_id,
        calendar=calendar(event.timestamp, context.settings[TIME_ZONE]),
        url=url or NOT_SET,
        title=values.text("page_title"),
        page_type=values.text("page_type"),
        referer=values.text("session_referer"),
        agent_text=agent_text,
        agent=user_agent.parse(agent_text),
        host=registrable_domain(full_host) if full_host != NOT_SET else NOT_SET,
        full_host=full_host,
        ip_address=address,
        location=_location(values, address, context),
        attribution=source,
        carries_attribution=carried,
        ad_type=values.text("ad_type"),
        user_name=values.text("user_name"),
        goals=reached(goals, urls.uri(url)) if goals and url else 0,
    )


def shared_columns(fact: Fact) -> dict[str, Any]:
    """The columns that all fact tables share, and some that several have."""
    event, when, source, values = fact.event, fact.calendar, fact.attribution, fact.values
    is_new_visitor = values.flag("is_new_visitor")
    return {
        "id": event.guid,
        "session_id": fact.session_id,
        "visitor_id": event.visitor_id,
        "site_id": event.site_id,
        "referer_id": text_id(fact.referer) if fact.referer else None,
        "ua_id": text_id(fact.agent_text),
        "host_id": text_id(fact.host),
        "os_id": text_id(fact.agent.operating_system),
        "location_id": place_id(place(fact.location)),
        "referring_search_term_id": text_id(source.search_terms),
        "timestamp": event.timestamp,
        "yyyymmdd": when.yyyymmdd,
        "year": when.year,
        "month": when.month,
        "day": when.day,
        "dayofweek": when.dayofweek,
        "dayofyear": when.dayofyear,
        "weekofyear": when.weekofyear,
        "last_req": values.integer("last_req"),
        "ip_address": fact.ip_address,
        "is_new_visitor": int(is_new_visitor),
        "is_repeat_visitor": None if is_new_visitor else 1,
        "language": values.text("language") or NOT_SET,
        "days_since_prior_session": values.integer("days_since_prior_session", "dsps"),
        "days_since_first_session": values.integer("days_since_first_session", "dsfs"),
        "num_prior_sessions": values.integer("num_prior_sessions", "nps"),
        "medium": source.medium,
        "source_id": text_id(source.source),
        "ad_id": text_id(source.ad) if source.ad else None,
        "campaign_id": text_id(source.campaign) if source.campaign else None,
        "user_name": fact.user_name or NOT_SET,
        **_custom_variables(values),
        "document_id": text_id(fact.url),
        "received_at": event.received_at,
        "goals": fact.goals or None,
    }


@lru_cache(maxsize=10_000)
def place(location: Location) -> str:
    """Country, state and city in one text, with `SEPARATOR` between them."""
    parts = (location.country, location.state, location.city)
    return SEPARATOR.join(part.replace(SEPARATOR, "\ufffd") or NOT_SET for part in parts)


@lru_cache(maxsize=10_000)
def place_id(place: str) -> int:
    """As in OWA, of country, state and city run together."""
    return text_id(place.replace(SEPARATOR, ""))


_NOWHERE = Location()


def _location(values: Properties, address: str, context: ProcessingContext) -> Location:
    """What the event says itself, as an order does, or else where its address is."""
    country, state, city = values.text("country"), values.text("state"), values.text("city")
    if country or state or city:
        return Location(country, state, city)
    return context.locate(address) or _NOWHERE


def _custom_variables(values: Properties) -> dict[str, str]:
    """`cv1` to `cv5`, each sent as `name=value`."""
    columns = {}
    for number in range(1, 6):
        name, separator, value = values.text(f"cv{number}").partition("=")
        columns[f"cv{number}_name"] = (name if separator else "") or NOT_SET
        columns[f"cv{number}_value"] = value or NOT_SET
    return columns


def _full_host(values: Properties) -> str:
    """The visitor's host name, if the web server looked it up; an address is no name."""
    name = values.text("REMOTE_HOST").lower().rstrip(".")
    return NOT_SET if not name or name == NOT_SET or ":" in name or name[-1].isdigit() else name

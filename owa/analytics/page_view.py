"""What a page view says by itself: the row of `owa_request`, and the texts behind its ids."""

from dataclasses import dataclass
from typing import Any

from owa import user_agent
from owa.analytics import urls
from owa.analytics.attribution import Attribution, attribution, registrable_domain
from owa.analytics.calendar import Calendar, calendar
from owa.analytics.properties import Properties
from owa.analytics.settings import QUERY_STRING_FILTERS, TIME_ZONE
from owa.analytics.tables import CUSTOM_VARIABLES, REQUEST
from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext, Site
from owa.events import Event
from owa.identity import NOT_SET, text_id
from owa.user_agent import UserAgent

PAGE_VIEW = "base.page_request"

NOWHERE = text_id(NOT_SET * 3)
"""The id of the location that is not known: country, state and city run together."""


@dataclass(frozen=True, slots=True)
class PageView:
    """A page view with all that can be derived from it alone."""

    event: Event
    row: dict[str, Any]
    """Its row of `owa_request`."""
    calendar: Calendar
    opens_session: bool
    url: str
    title: str
    page_type: str
    referer: str
    agent_text: str
    agent: UserAgent
    host: str
    full_host: str
    ip_address: str
    attribution: Attribution
    carries_attribution: bool
    attributions: str
    """The campaign touches, JSON as sent."""
    ad_type: str
    user_name: str
    user_email: str
    prior_session_id: int | None
    coerced: list[str]
    """Properties of the wrong type, which became NULL."""


def page_view(event: Event, context: ProcessingContext) -> PageView:
    """Derive all from the event, its site's settings and the time zone."""
    values = Properties(event.properties)
    when = calendar(event.timestamp, context.settings[TIME_ZONE])
    url, prior_url = _addresses(values, event.site_id, context)
    agent_text = values.text("HTTP_USER_AGENT") or NOT_SET
    agent = user_agent.parse(agent_text)
    full_host = _full_host(values)
    source, carried = attribution(values)
    view = PageView(
        event=event,
        row={},
        calendar=when,
        opens_session=values.flag("is_new_session"),
        url=url,
        title=values.text("page_title"),
        page_type=values.text("page_type"),
        referer=values.text("session_referer"),
        agent_text=agent_text,
        agent=agent,
        host=registrable_domain(full_host) if full_host != NOT_SET else NOT_SET,
        full_host=full_host,
        ip_address=values.text("ip_address") or NOT_SET,
        attribution=source,
        carries_attribution=carried,
        attributions=values.text("attribs"),
        ad_type=values.text("ad_type"),
        user_name=values.text("user_name"),
        user_email=values.text("user_email"),
        prior_session_id=values.identifier("prior_session_id"),
        coerced=values.coerced,
    )
    view.row.update(_EMPTY_ROW)
    view.row.update(_row(view, values, prior_url))
    return view


def _row(view: PageView, values: Properties, prior_url: str) -> dict[str, Any]:
    event, when, source = view.event, view.calendar, view.attribution
    is_new_visitor = values.flag("is_new_visitor")
    return {
        "id": event.guid,
        "session_id": event.session_id,
        "visitor_id": event.visitor_id,
        "site_id": event.site_id,
        "referer_id": text_id(view.referer) if view.referer else None,
        "ua_id": text_id(view.agent_text),
        "host_id": text_id(view.host),
        "os_id": text_id(view.agent.operating_system),
        "location_id": NOWHERE,
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
        "ip_address": view.ip_address,
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
        "user_name": view.user_name or NOT_SET,
        "user_email": view.user_email or NOT_SET,
        **_custom_variables(values),
        "hour": when.hour,
        "minute": when.minute,
        "second": when.second,
        "msec": event.received_at % MICROSECONDS // 1000,
        "document_id": str(text_id(view.url)),
        "prior_document_id": str(text_id(prior_url)) if prior_url else None,
        "os": view.agent.operating_system,
        "is_entry_page": int(view.opens_session),
        "is_browser": int(bool(view.agent.browser)),
        "is_robot": int(view.agent.is_robot),
    }


def _addresses(values: Properties, site_id: str, context: ProcessingContext) -> tuple[str, str]:
    """The canonical addresses of the page and, if it is on the same host, of the page before it."""
    site = context.sites.get(site_id) or Site(site_id, "")
    own_filters = site.settings.get("query_string_filters", "").replace(" ", "").split(",")
    filters = frozenset((*context.settings[QUERY_STRING_FILTERS], *filter(None, own_filters)))
    default_page = site.settings.get("default_page", "")
    page, prior = values.text("page_url"), values.text("HTTP_REFERER")
    same_host = bool(prior) and urls.host(prior) == urls.host(page) != ""
    return (
        urls.canonical_url(page, filters, default_page) or NOT_SET,
        urls.canonical_url(prior, filters, default_page) if same_host else "",
    )


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


_EMPTY_ROW: dict[str, Any] = dict.fromkeys((*REQUEST.columns.keys(), *CUSTOM_VARIABLES))

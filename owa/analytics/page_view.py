"""A page view: a fact that opens a session, or counts in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from owa.analytics import urls
from owa.analytics.fact import Fact, derive, shared_columns
from owa.analytics.pages import page_address
from owa.analytics.settings import QUERY_STRING_FILTERS
from owa.analytics.tables import REQUEST
from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext, Site
from owa.events import Event, Key
from owa.identity import NOT_SET, text_id

PAGE_VIEW = "base.page_request"


@dataclass(frozen=True, slots=True)
class PageView:
    """What its session wants to know of a page view."""

    key: Key
    site_id: str
    session_id: int
    visitor_id: int
    opens_session: bool
    carries_attribution: bool
    attributions: str
    """The campaign touches, JSON as sent."""
    user_name: str
    user_email: str
    prior_session_id: int | None
    host: str
    city: str
    country: str
    row: Mapping[str, Any]
    """Its row of `owa_request`."""

    @property
    def goals(self) -> int:
        return self.row["goals"] or 0


def page_view(event: Event, context: ProcessingContext) -> tuple[Fact, PageView]:
    """The page view, and the fact that it is."""
    fact = derive(event, context)
    values = fact.values
    opens_session, attributions = values.flag("is_new_session"), values.text("attribs")
    user_email, prior_session_id = values.text("user_email"), values.identifier("prior_session_id")
    row = {
        **_EMPTY_ROW,
        **shared_columns(fact),
        **_own_columns(fact, context),
        "user_email": user_email or NOT_SET,
        "is_entry_page": int(opens_session),
        "attributions": attributions or None,
        "prior_session_id": prior_session_id,
    }
    view = PageView(
        key=event.key,
        site_id=event.site_id,
        session_id=event.session_id,
        visitor_id=event.visitor_id,
        opens_session=opens_session,
        carries_attribution=fact.carries_attribution,
        attributions=attributions,
        user_name=fact.user_name,
        user_email=user_email,
        prior_session_id=prior_session_id,
        host=fact.host,
        city=fact.city,
        country=fact.country,
        row=row,
    )
    return fact, view


def _own_columns(fact: Fact, context: ProcessingContext) -> dict[str, Any]:
    when = fact.calendar
    return {
        "hour": when.hour,
        "minute": when.minute,
        "second": when.second,
        "msec": fact.event.received_at % MICROSECONDS // 1000,
        "document_id": str(text_id(fact.url)),
        "prior_document_id": _prior_document(fact, context),
        "os": fact.agent.operating_system,
        "is_browser": int(bool(fact.agent.browser)),
        "is_robot": int(fact.agent.is_robot),
        "carries_attribution": int(fact.carries_attribution),
    }


def _prior_document(fact: Fact, context: ProcessingContext) -> str | None:
    """The id of the page before it, if that is on the same host."""
    prior, page = fact.values.text("HTTP_REFERER"), fact.values.text("page_url")
    if not prior or not urls.host(prior) == urls.host(page) != "":
        return None
    site = context.sites.get(fact.event.site_id) or Site(fact.event.site_id, "")
    return str(text_id(page_address(prior, site, context.settings[QUERY_STRING_FILTERS])))


_EMPTY_ROW: dict[str, Any] = dict.fromkeys(REQUEST.columns.keys())

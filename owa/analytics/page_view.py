"""A page view: a fact that opens a session, or counts in one."""

from collections import namedtuple
from typing import Any, NamedTuple

from owa.analytics import urls
from owa.analytics.fact import SHARED, Derivation, Fact, shared_values
from owa.clock import MICROSECONDS
from owa.events import Key
from owa.identity import NOT_SET, text_id

PAGE_VIEW = "base.page_request"


COLUMNS = (
    *SHARED,
    "hour",
    "minute",
    "second",
    "msec",
    "document_id",
    "prior_document_id",
    "os",
    "is_browser",
    "is_robot",
    "carries_attribution",
    "user_email",
    "is_entry_page",
    "attributions",
    "prior_session_id",
)
"""Columns of `owa_request`. Nothing fills the others, which OWA has."""

_named_tuple: Any = namedtuple  # the type checker wants names that are spelled out
RequestRow = _named_tuple("RequestRow", COLUMNS)


class PageView(NamedTuple):
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
    row: Any
    """Its row of `owa_request`: a `RequestRow`, or one that was read."""

    @property
    def goals(self) -> int:
        return self.row.goals or 0


def page_view(fact: Fact, derivation: Derivation) -> PageView:
    """The page view that the fact is."""
    event, values = fact.event, fact.values
    opens_session, attributions = values.flag("is_new_session"), values.text("attribs")
    user_email, prior_session_id = values.text("user_email"), values.identifier("prior_session_id")
    when, agent = fact.calendar, fact.agent.parsed
    row = RequestRow(
        *shared_values(fact),
        when.hour,
        when.minute,
        when.second,
        event.received_at % MICROSECONDS // 1000,
        str(fact.page.id),
        _prior_document(fact, derivation),
        agent.operating_system,
        int(bool(agent.browser)),
        int(agent.is_robot),
        int(fact.origin.is_carried),
        user_email or NOT_SET,
        int(opens_session),
        attributions or None,
        prior_session_id,
    )
    return PageView(
        key=fact.key,
        site_id=event.site_id,
        session_id=event.session_id,
        visitor_id=event.visitor_id,
        opens_session=opens_session,
        carries_attribution=fact.origin.is_carried,
        attributions=attributions,
        user_name=fact.user_name,
        user_email=user_email,
        prior_session_id=prior_session_id,
        host=fact.whereabouts.host,
        city=fact.city,
        country=fact.country,
        row=row,
    )


def _prior_document(fact: Fact, derivation: Derivation) -> str | None:
    """The id of the page before it, if that is on the same host."""
    prior = fact.values.text("HTTP_REFERER")
    if not prior or not urls.host(prior) == urls.host(fact.values.text("page_url")) != "":
        return None
    return str(text_id(derivation.address(fact.event.site_id, prior)))

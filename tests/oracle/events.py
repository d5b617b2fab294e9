"""What an event says by itself."""

from collections.abc import Mapping
from typing import Any

from tests.oracle.attribution import attribution
from tests.oracle.calendar import calendar
from tests.oracle.given import Given
from tests.oracle.goals import reached
from tests.oracle.places import place, place_id
from tests.oracle.texts import NOT_SET, canonical_url, text_id, uri
from tests.oracle.values import Values

PAGE_VIEW = "base.page_request"
ACTION = "track.action"
CLICK = "dom.click"
TRANSACTION = "ecommerce.transaction"
FEED_REQUEST = "base.feed_request"
DOM_STREAM = "dom.stream"

MILLION = 1_000_000

Row = dict[str, Any]
Event = Mapping[str, Any]
"""guid, event_type, received_at (microseconds), site_id, visitor_id, session_id, properties."""
Session = tuple[str, int]
"""site_id, session_id."""


class Fact:
    """One event, all that can be said of it alone. What its family alone has is read elsewhere."""

    def __init__(self, event: Event, given: Given) -> None:
        self.given = given
        self.event_type, self.guid, self.site_id = event["event_type"], event["guid"], event["site_id"]
        self.visitor_id, self.received_at = event["visitor_id"], event["received_at"]
        self.key = (self.received_at, self.guid)
        self.second = self.received_at // MILLION
        self.values = Values(event["properties"], set())
        self.is_page_view = self.event_type == PAGE_VIEW
        self.opens = self.is_page_view and self.values.flag("is_new_session")
        self.original_session = self.values.identifier("original_session_id") if self.is_transaction else None
        own = event["session_id"] if self.original_session is None else self.original_session
        self.session: Session = (self.site_id, own)
        self._read(given)
        self.block = self._block()

    def _read(self, given: Given) -> None:
        values = self.values
        self.url = canonical_url(values.text("page_url"), given.filters) or NOT_SET
        self.title, self.page_type = values.text("page_title"), values.text("page_type")
        self.agent_text = values.text("HTTP_USER_AGENT") or NOT_SET
        self.agent = given.agent(self.agent_text)
        self.system = self.agent.system or "(unknown)"
        self.full_host = values.text("REMOTE_HOST").lower() or NOT_SET
        self.host = NOT_SET if self.full_host == NOT_SET else given.registrable_domain(self.full_host)
        self.address = values.text("ip_address")
        self.attribution = attribution(values, given)
        self.place = place(values, given)
        self.calendar = calendar(self.second, given.zone)
        goals = given.goals.get(self.site_id, {})
        self.goals = None if self.event_type in (FEED_REQUEST, DOM_STREAM) else reached(goals, uri(self.url)) or None

    @property
    def is_transaction(self) -> bool:
        return bool(self.event_type == TRANSACTION)

    @property
    def waits(self) -> bool:
        """Whether it needs its session."""
        return bool(self.event_type != FEED_REQUEST)

    def _block(self) -> Row:
        """The columns that all fact tables have."""
        values, came = self.values, self.attribution
        is_new_visitor = values.flag("is_new_visitor")
        return {
            **{name: value for name, value in self.calendar.items() if name not in ("hour", "minute", "second")},
            **_custom_variables(values),
            "id": self.guid,
            "visitor_id": self.visitor_id,
            "session_id": self.session[1],
            "site_id": self.site_id,
            "referer_id": text_id(came.referer) if came.referer else None,
            "ua_id": text_id(self.agent_text),
            "host_id": text_id(self.host),
            "os_id": text_id(self.system),
            "location_id": place_id(self.place),
            "referring_search_term_id": text_id(came.terms),
            "medium": came.medium,
            "source_id": text_id(came.source),
            "campaign_id": text_id(came.campaign) if came.campaign else None,
            "ad_id": text_id(came.ad) if came.ad else None,
            "last_req": values.whole("last_req"),
            "ip_address": self.address or NOT_SET,
            "is_new_visitor": 1 if is_new_visitor else 0,
            "is_repeat_visitor": None if is_new_visitor else 1,
            "language": values.text("language") or NOT_SET,
            "days_since_prior_session": values.whole("dsps"),
            "days_since_first_session": values.whole("dsfs"),
            "num_prior_sessions": values.whole("nps"),
            "user_name": values.text("user_name") or NOT_SET,
        }


def moment(fact: Fact) -> Row:
    """The time of day, where a table has it."""
    parts = {name: fact.calendar[name] for name in ("hour", "minute", "second")}
    return {**parts, "msec": fact.received_at % MILLION // 1000}


def key_columns(group: str, fact: Fact | None) -> Row:
    """The key that decides a group of columns, beside them."""
    at, guid = fact.key if fact else (None, None)
    return {f"{group}_at": at, f"{group}_guid": guid}


def last_text(views: list[Fact], column: str, name: str, absent: str | None) -> Row:
    """The column's value from the greatest page view that has one, with its key."""
    found = next((view for view in reversed(views) if view.values.text(name)), None)
    return {column: found.values.text(name) if found else absent, **key_columns(column, found)}


def _custom_variables(values: Values) -> Row:
    row = {}
    for number in range(1, 6):
        name, equals, value = values.text(f"cv{number}").partition("=")
        row[f"cv{number}_name"] = name if equals and name else NOT_SET
        row[f"cv{number}_value"] = value or NOT_SET
    return row

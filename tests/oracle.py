"""What the tables must be: a fold over the set of page views, as naive as can be. Written from the semantics, not from
the product, of which it imports nothing: sort, loop, compare.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import parse_qs

NOT_SET = "(not set)"
LONGEST_TEXT = 4_096
MILLION = 1_000_000

Row = dict[str, Any]
PageView = Mapping[str, Any]
"""guid, received_at (microseconds), site_id, visitor_id, session_id, properties."""


@dataclass(frozen=True)
class Agent:
    """What a library finds in a user agent string; empty where it finds nothing."""

    browser: str = ""
    version: str = ""
    system: str = ""
    is_robot: bool = False


@dataclass(frozen=True)
class Given:
    """What the tables depend on besides the events."""

    zone: tzinfo
    filters: Collection[str]
    """Query parameters that make no other page."""
    agent: Callable[[str], Agent]
    registrable_domain: Callable[[str], str]
    adopt: bool = False
    """Whether sessions without a flagged page view are adopted."""


@dataclass
class Tables:
    """The whole rows that must be there when everything has arrived, and been processed."""

    rows: dict[str, list[Row]]
    """By table, ordered by id (and site)."""
    waiting: list[int]
    """Guids of the page views whose session none of them opens, ordered."""
    coerced: Counter[tuple[str, str]]
    """How often, at which site, which property was of the wrong type."""


def tables(page_views: Iterable[PageView], given: Given) -> Tables:
    """The tables that these page views must make; each counts once, whatever their order."""
    distinct = {event["guid"]: event for event in page_views}
    views = sorted((_View(event, given) for event in distinct.values()), key=lambda view: view.key)
    sessions = _sessions(views, given)
    opened = {(row["site_id"], row["id"]) for row in sessions}
    rows = {
        "owa_request": [view.row for view in views],
        "owa_session": sessions,
        "owa_visitor": _visitors(views, given),
        **_dimensions(views, given),
    }
    return Tables(
        rows={name: sorted(table, key=lambda row: (row["id"], row.get("site_id", ""))) for name, table in rows.items()},
        waiting=sorted(view.guid for view in views if view.session not in opened),
        coerced=Counter((view.site_id, name) for view in views for name in view.bad),
    )


def text_id(text: str) -> int:
    """First 16 hex digits of the SHA-1 of the trimmed, ASCII-lower-cased text, without the sign bit."""
    lowered = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text.strip())
    return int(hashlib.sha1(lowered.encode()).hexdigest()[:16], 16) & 0x7FFFFFFFFFFFFFFF


def calendar(second: int, zone: tzinfo) -> Row:
    """The calendar columns, by the letters that PHP's `date` has for them."""
    at = datetime.fromtimestamp(second, zone)
    return {
        "timestamp": second,
        "yyyymmdd": int(at.strftime("%Y%m%d")),
        "year": int(at.strftime("%Y")),
        "month": int(at.strftime("%Y%m")),
        "day": int(at.strftime("%d")),
        "dayofweek": at.strftime("%a"),
        "dayofyear": int(at.strftime("%j")) - 1,  # z counts from 0
        "weekofyear": int(at.strftime("%V")),
        "hour": int(at.strftime("%H")),
        "minute": int(at.strftime("%M")),
        "second": int(at.strftime("%S")),
    }


_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+)://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)(?::[0-9]*)?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
_OUR_PARAMETERS = ("source", "medium", "campaign", "ad", "ad_type", "search_terms", "overlay", "state", "sid")


def canonical_url(url: str, filters: Collection[str]) -> str:
    """Without fragment, port, user, filtered and campaign parameters, trailing slash."""
    match = _ADDRESS.fullmatch(url)
    if not match:
        return url
    unwanted = {*filters, *(f"owa_{name}" for name in _OUR_PARAMETERS)}
    query = "&".join(part for part in (match["query"] or "").split("&") if part.split("=")[0] not in unwanted)
    start = f"{match['scheme'].lower()}://{match['host']}"
    return f"{start}{match['path']}?{query}" if query else start + match["path"].rstrip("/")


def host(url: str) -> str:
    match = _ADDRESS.fullmatch(url)
    return match["host"].lower() if match else ""


_SEARCH = {"google": "q", "bing": "q", "duckduckgo": "q", "yahoo": "p"}
_SOCIAL = ("facebook.com", "t.co", "x.com", "linkedin.com")


def referral(referer: str, given: Given) -> tuple[str, str, str]:
    """Medium, source and search terms that a referring address tells."""
    domain = given.registrable_domain(host(referer))
    source = host(referer).removeprefix("www.") or NOT_SET
    parameter = _SEARCH.get(domain.split(".")[0])
    if parameter:
        match = _ADDRESS.fullmatch(referer)
        found = parse_qs((match and match["query"]) or "").get(parameter, [""])[-1].strip()
        return "organic-search", source, found or "(not provided)"
    return "social-network" if domain in _SOCIAL else "referral", source, NOT_SET


@dataclass
class _View:
    """One page view, all that can be said of it alone."""

    event: PageView
    given: Given
    bad: set[str] = field(default_factory=set)
    row: Row = field(init=False)

    def __post_init__(self) -> None:
        self.guid, self.site_id, self.visitor_id = self.event["guid"], self.event["site_id"], self.event["visitor_id"]
        self.key = (self.event["received_at"], self.guid)
        self.second = self.event["received_at"] // MILLION
        self.session = (self.site_id, self.event["session_id"])
        self.opens = self._flag("is_new_session")
        self.prior_session_id = self._whole("prior_session_id", least=0, most=2**63 - 1) or 0
        self.texts = {name: self._text(name) for name in _TEXTS}
        self.url = canonical_url(self.texts["page_url"], self.given.filters) or NOT_SET
        self.agent_text = self.texts["HTTP_USER_AGENT"] or NOT_SET
        self.agent = self.given.agent(self.agent_text)
        self.system = self.agent.system or "(unknown)"
        self.full_host = self.texts["REMOTE_HOST"].lower() or NOT_SET
        self.host = NOT_SET if self.full_host == NOT_SET else self.given.registrable_domain(self.full_host)
        self._attribute()
        self.row = self._row()

    def _attribute(self) -> None:
        referer = self.texts["session_referer"]
        medium, source, terms = referral(referer, self.given) if referer else ("direct", NOT_SET, NOT_SET)
        self.medium = self.texts["medium"] or medium
        self.source = self.texts["source"] or source
        self.terms = self.texts["search_terms"] or terms
        self.campaign, self.ad = self.texts["campaign"], self.texts["ad"]
        given = ("medium", "source", "search_terms", "campaign", "ad", "session_referer")
        self.carries = any(self.texts[name] for name in given)

    def _row(self) -> Row:
        is_new_visitor = self._flag("is_new_visitor")
        prior = self.texts["HTTP_REFERER"]
        from_here = bool(prior) and host(prior) == host(self.texts["page_url"]) != ""
        return {
            **dict.fromkeys(_NULL_IN_REQUEST),
            **calendar(self.second, self.given.zone),
            **_custom_variables(self.texts),
            "id": self.guid,
            "visitor_id": self.visitor_id,
            "session_id": self.session[1],
            "site_id": self.site_id,
            "referer_id": text_id(self.texts["session_referer"]) if self.texts["session_referer"] else None,
            "ua_id": text_id(self.agent_text),
            "host_id": text_id(self.host),
            "os_id": text_id(self.system),
            "location_id": text_id(NOT_SET * 3),
            "referring_search_term_id": text_id(self.terms),
            "medium": self.medium,
            "source_id": text_id(self.source),
            "campaign_id": text_id(self.campaign) if self.campaign else None,
            "ad_id": text_id(self.ad) if self.ad else None,
            "last_req": self._whole("last_req"),
            "ip_address": self.texts["ip_address"] or NOT_SET,
            "is_new_visitor": 1 if is_new_visitor else 0,
            "is_repeat_visitor": None if is_new_visitor else 1,
            "language": self.texts["language"] or NOT_SET,
            "days_since_prior_session": self._whole("dsps"),
            "days_since_first_session": self._whole("dsfs"),
            "num_prior_sessions": self._whole("nps"),
            "user_name": self.texts["user_name"] or NOT_SET,
            "user_email": self.texts["user_email"] or NOT_SET,
            "msec": self.key[0] % MILLION // 1000,
            "document_id": str(text_id(self.url)),
            "prior_document_id": str(text_id(canonical_url(prior, self.given.filters))) if from_here else None,
            "os": self.system,
            "is_entry_page": 1 if self.opens else 0,
            "is_browser": 1 if self.agent.browser else 0,
            "is_robot": 1 if self.agent.is_robot else 0,
        }

    def _text(self, name: str) -> str:
        value = self.event["properties"].get(name, "")
        if isinstance(value, str):
            return value[:LONGEST_TEXT] if value.strip() else ""
        self.bad.add(name)
        return ""

    def _whole(self, name: str, least: int = -(2**31) + 1, most: int = 2**31 - 1) -> int | None:
        value = self.event["properties"].get(name, "")
        if value == "":
            return None
        if isinstance(value, str) and re.fullmatch("-?[0-9]+", value.strip()) and least <= int(value) <= most:
            return int(value)
        self.bad.add(name)
        return None

    def _flag(self, name: str) -> bool:
        value = self.event["properties"].get(name, "")
        if not isinstance(value, str):
            self.bad.add(name)
        return value in ("true", "1", "yes")


def _entries(views: list[_View], given: Given) -> dict[tuple[str, int], _View]:
    """The entry of each session that has one: the least page view with the flag; of an adopted one, the least."""
    entries: dict[tuple[str, int], _View] = {}
    for view in views:
        if view.opens:
            entries.setdefault(view.session, view)
    for view in views if given.adopt else ():
        entries.setdefault(view.session, view)
    return entries


def _sessions(views: list[_View], given: Given) -> list[Row]:
    return [
        _session([view for view in views if view.session == identity], entry, given)
        for identity, entry in _entries(views, given).items()
    ]


def _session(views: list[_View], entry: _View, given: Given) -> Row:
    """`views`: its page views, least key first."""
    last = views[-1]
    attributed = next((view for view in reversed(views) if view.carries), None)
    row = dict.fromkeys(_NULL_IN_SESSION) | dict.fromkeys(_COMMERCE, 0)
    row |= {name: entry.row[name] for name in _FROM_ENTRY}
    row |= {name: (attributed or entry).row[name] for name in _ATTRIBUTION}
    row |= {
        "id": entry.session[1],
        "site_id": entry.site_id,
        "num_pageviews": len(views),
        "is_bounce": 1 if len(views) == 1 else 0,
        "last_req": last.second,
        "last_page_id": text_id(last.url),
        "first_page_id": text_id(entry.url),
        "host": entry.host,
        "city": NOT_SET,
        "country": NOT_SET,
        "prior_session_id": entry.prior_session_id,
        **_prior_session(entry, given),
        **_last_text(views, "latest_attributions", "attribs", None),
        **_last_text(views, "user_name", "user_name", NOT_SET),
        **_last_text(views, "user_email", "user_email", NOT_SET),
        "entry_adopted": 0 if entry.opens else 1,
        **_key("entry", entry),
        **_key("last", last),
        **_key("attribution", attributed),
    }
    return row


def _prior_session(entry: _View, given: Given) -> Row:
    names = ("year", "month", "day", "dayofweek", "hour", "minute")
    row: Row = dict.fromkeys(
        ("prior_session_lastreq", "time_sinse_priorsession", *(f"prior_session_{n}" for n in names))
    )
    before = entry.row["last_req"]
    if before is not None and before > 0:
        at = datetime.fromtimestamp(before, given.zone)
        row |= {
            "prior_session_lastreq": before,
            "time_sinse_priorsession": entry.second - before,
            "prior_session_year": at.year,
            "prior_session_month": at.strftime("%b"),
            "prior_session_day": at.day,
            "prior_session_dayofweek": int(at.strftime("%w")),
            "prior_session_hour": at.hour,
            "prior_session_minute": at.minute,
        }
    return row


def _visitors(views: list[_View], given: Given) -> list[Row]:
    entries = _entries(views, given)
    rows = []
    for visitor_id in {view.visitor_id for view in views}:
        own = [view for view in views if view.visitor_id == visitor_id]
        opened = [view for view in own if entries.get(view.session) is view]
        first, last = own[0], opened[-1] if opened else None
        prior = [view.row["num_prior_sessions"] for view in opened if view.row["num_prior_sessions"] is not None]
        when, latest = first.row, last.row if last else dict.fromkeys(first.row)
        rows.append(
            {
                "id": visitor_id,
                **_last_text(own, "user_name", "user_name", NOT_SET),
                **_last_text(own, "user_email", "user_email", NOT_SET),
                "first_session_id": first.session[1],
                "first_session_year": when["year"],
                "first_session_month": str(when["month"]),
                "first_session_day": when["day"],
                "first_session_dayofyear": when["dayofyear"],
                "first_session_timestamp": when["timestamp"],
                "first_session_yyyymmdd": when["yyyymmdd"],
                "last_session_id": latest["session_id"],
                "last_session_year": latest["year"],
                "last_session_month": str(latest["month"]) if last else None,
                "last_session_day": latest["day"],
                "last_session_dayofyear": latest["dayofyear"],
                "num_prior_sessions": max(prior, default=None),
                **_key("first_session", first),
                **_key("last_session", last),
            }
        )
    return rows


def _dimensions(views: list[_View], given: Given) -> dict[str, list[Row]]:
    def document(url: str) -> Row:
        match = _ADDRESS.fullmatch(url)
        if not match:
            return {"uri": url}
        return {"uri": (match["path"] or "/") + (f"?{match['query']}" if match["query"] else "")}

    def referer(url: str) -> Row:
        is_search = referral(url, given)[0] == "organic-search"
        empty = dict.fromkeys(("site_name", "query_terms", "refering_anchortext", "snippet"))
        return {**empty, "site": host(url), "page_title": NOT_SET, "is_searchengine": 1 if is_search else None}

    def agent(text: str) -> Row:
        found = given.agent(text)
        return {"browser_type": found.browser or NOT_SET, "browser": found.version or "(unknown)"}

    def place(_text: str) -> Row:
        return dict.fromkeys(("city", "country", "latitude", "longitude"), NOT_SET)

    names = ("country", "country_code", "state", "city", "latitude", "longitude")
    location = {"id": text_id(NOT_SET * 3), **dict.fromkeys(names, NOT_SET)}
    return {
        "owa_document": _dimension(
            views,
            "url",
            lambda view: view.url,
            document,
            {"page_title": lambda view: view.texts["page_title"], "page_type": lambda view: view.texts["page_type"]},
        ),
        "owa_referer": _dimension(views, "url", lambda view: view.texts["session_referer"], referer),
        "owa_ua": _dimension(views, "ua", lambda view: view.agent_text, agent),
        "owa_os": _dimension(views, "name", lambda view: view.system),
        "owa_host": _dimension(
            views,
            "host",
            lambda view: view.host,
            place,
            {
                "ip_address": lambda view: view.texts["ip_address"],
                "full_host": lambda view: "" if view.full_host == NOT_SET else view.full_host,
            },
        ),
        "owa_location_dim": [location] if views else [],
        "owa_source_dim": _dimension(views, "source_domain", lambda view: view.source),
        "owa_campaign_dim": _dimension(views, "name", lambda view: view.campaign),
        "owa_ad_dim": _dimension(
            views, "name", lambda view: view.ad, last={"type": lambda view: view.texts["ad_type"]}
        ),
        "owa_search_term_dim": [
            {**row, "term_count": None} for row in _dimension(views, "terms", lambda view: view.terms)
        ],
    }


def _dimension(
    views: list[_View],
    column: str,
    text_of: Callable[[_View], str],
    derive: Callable[[str], Row] = lambda _text: {},
    last: Mapping[str, Callable[[_View], str]] = {},
) -> list[Row]:
    """A row for each id: the least of its texts, what derives from it, and of each attribute the last that is set."""
    rows: dict[int, Row] = {}
    for view in views:
        text = text_of(view)
        if text:
            empty = {name: value for part in last for name, value in {part: NOT_SET, **_key(part, None)}.items()}
            row = rows.setdefault(text_id(text), {"id": text_id(text), column: text, **empty})
            row[column] = min(row[column], text)
            for name, value_of in last.items():
                if value_of(view):
                    row |= {name: value_of(view), **_key(name, view)}
    return [{**row, **derive(row[column])} for row in rows.values()]


def _last_text(views: list[_View], column: str, text: str, absent: str | None) -> Row:
    """The column's value from the greatest view that has one, with its key."""
    found = next((view for view in reversed(views) if view.texts[text]), None)
    return {column: found.texts[text] if found else absent, **_key(column, found)}


def _key(group: str, view: _View | None) -> Row:
    at, guid = view.key if view else (None, None)
    return {f"{group}_at": at, f"{group}_guid": guid}


def _custom_variables(texts: Mapping[str, str]) -> Row:
    row = {}
    for number in range(1, 6):
        name, equals, value = texts[f"cv{number}"].partition("=")
        row[f"cv{number}_name"] = name if equals and name else NOT_SET
        row[f"cv{number}_value"] = value or NOT_SET
    return row


def _names(text: str) -> list[str]:
    return text.split()


_ATTRIBUTION = _names("medium source_id campaign_id ad_id referring_search_term_id")
_CUSTOM_VARIABLES = [f"cv{number}_{part}" for number in range(1, 6) for part in ("name", "value")]
_TEXTS = _names(
    """
    page_url page_title page_type HTTP_REFERER session_referer HTTP_USER_AGENT REMOTE_HOST medium source search_terms
    campaign ad ad_type attribs user_name user_email ip_address language cv1 cv2 cv3 cv4 cv5
    """
)
_FROM_ENTRY = _CUSTOM_VARIABLES + _names(
    """
    visitor_id referer_id ua_id host_id os_id location_id timestamp yyyymmdd year month day dayofweek dayofyear
    weekofyear hour minute ip_address language is_new_visitor is_repeat_visitor days_since_prior_session
    days_since_first_session num_prior_sessions os is_robot is_browser
    """
)
_COMMERCE = _names(
    """
    commerce_trans_count commerce_trans_revenue commerce_items_revenue commerce_items_count commerce_items_quantity
    commerce_shipping_revenue commerce_tax_revenue
    """
)
_NULL_IN_REQUEST = _names("inbound_visitor_id inbound_session_id feed_subscription_id site is_comment is_feedreader")
_NULL_IN_SESSION = [
    *_names("num_comments site is_feedreader num_goals num_goal_starts goals_value"),
    *(f"goal_{number}{part}" for number in range(1, 16) for part in ("", "_start", "_value")),
]

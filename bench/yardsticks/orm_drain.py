"""A drain as one writes it with the SQLAlchemy ORM: one transaction an event, each row found by `session.get`, changed
as an object, and flushed. Handlers of page views, for the same tables."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import ua_parser
from sqlalchemy import create_engine, event
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

NOT_SET = "(not set)"


class OrmDrain:
    """Reads lines of JSON, stores page views."""

    def __init__(self, database: Path, zone: str) -> None:
        """`database`: of SQLite, with its tables."""
        self._engine = create_engine(f"sqlite:///{database}")
        event.listen(self._engine, "connect", _prepare)
        mapped = automap_base()
        mapped.prepare(autoload_with=self._engine)
        self._classes = mapped.classes
        self._zone = ZoneInfo(zone)

    def drain(self, lines: Iterable[bytes]) -> int:
        """How many events were stored."""
        stored = 0
        for line in lines:
            document = json.loads(line)
            with Session(self._engine) as session, session.begin():
                stored += self._page_view(session, document)
        return stored

    def close(self) -> None:
        self._engine.dispose()

    def _page_view(self, session: Session, document: dict[str, Any]) -> bool:
        guid = int(document["guid"])
        if session.get(self._classes.owa_request, guid):
            return False
        request = self._classes.owa_request(id=guid, **self._shared(document))
        self._own(request, document)
        session.add(request)
        self._dimensions(session, request, document)
        self._visit(session, request, document)
        self._visitor(session, request, document)
        return True

    def _shared(self, document: dict[str, Any]) -> dict[str, Any]:
        sent = document["properties"]
        at = datetime.fromtimestamp(document["received"] / 1e6, self._zone)
        agent = _agent(sent.get("HTTP_USER_AGENT", ""))
        return {
            "session_id": int(document["session"]),
            "visitor_id": int(document["visitor"]),
            "site_id": document["site"],
            "timestamp": int(at.timestamp()),
            "yyyymmdd": at.year * 10_000 + at.month * 100 + at.day,
            "year": at.year,
            "month": at.year * 100 + at.month,
            "day": at.day,
            "dayofweek": at.strftime("%a"),
            "dayofyear": at.timetuple().tm_yday - 1,
            "weekofyear": at.isocalendar().week,
            "ip_address": sent.get("ip_address", NOT_SET),
            "is_new_visitor": int(bool(sent.get("is_new_visitor"))),
            "is_repeat_visitor": None if sent.get("is_new_visitor") else 1,
            "language": sent.get("language", NOT_SET),
            "days_since_prior_session": _number(sent.get("dsps")),
            "days_since_first_session": _number(sent.get("dsfs")),
            "num_prior_sessions": _number(sent.get("nps")),
            "last_req": _number(sent.get("last_req")),
            "user_name": sent.get("user_name") or NOT_SET,
            "user_email": sent.get("user_email") or NOT_SET,
            "medium": sent.get("medium") or _medium(sent.get("session_referer", "")),
            "os": agent[2],
            "is_browser": int(bool(agent[0])),
            "is_robot": int(agent[3]),
            "hour": at.hour,
            "minute": at.minute,
            **_custom_variables(sent),
        }

    def _own(self, request: Any, document: dict[str, Any]) -> None:
        sent = document["properties"]
        request.document_id = str(_id(_page(sent)))
        request.second = document["received"] // 1_000_000 % 60
        request.msec = document["received"] % 1_000_000 // 1000
        request.is_entry_page = int(bool(sent.get("is_new_session")))
        request.received_at = document["received"]
        request.attributions = sent.get("attribs") or None
        request.carries_attribution = int(bool(sent.get("medium") or sent.get("campaign")))

    def _dimensions(self, session: Session, request: Any, document: dict[str, Any]) -> None:
        sent, classes = document["properties"], self._classes
        text, page = sent.get("HTTP_USER_AGENT") or NOT_SET, _page(sent)
        browser, version, system, _ = _agent(text)
        request.ua_id = self._dimension(session, classes.owa_ua, ua=text, browser_type=browser, browser=version)
        request.os_id = self._dimension(session, classes.owa_os, name=system)
        request.host_id = self._dimension(session, classes.owa_host, host=sent.get("REMOTE_HOST") or NOT_SET)
        place = {"country": NOT_SET, "state": NOT_SET, "city": NOT_SET}
        request.location_id = self._dimension(session, classes.owa_location_dim, place=NOT_SET, **place)
        source = sent.get("source") or urlsplit(sent.get("session_referer", "")).hostname or NOT_SET
        request.source_id = self._dimension(session, classes.owa_source_dim, source_domain=source)
        if referer := sent.get("session_referer"):
            site = urlsplit(referer).hostname
            request.referer_id = self._dimension(session, classes.owa_referer, url=referer, site=site)
        if campaign := sent.get("campaign"):
            request.campaign_id = self._dimension(session, classes.owa_campaign_dim, name=campaign)
        if ad := sent.get("ad"):
            request.ad_id = self._dimension(session, classes.owa_ad_dim, name=ad)
        terms = sent.get("search_terms") or _search_terms(sent.get("session_referer", ""))
        request.referring_search_term_id = self._dimension(session, classes.owa_search_term_dim, terms=terms)
        parts = urlsplit(page)
        self._dimension(session, classes.owa_document, url=page, uri=f"{parts.path or '/'}?{parts.query}")
        stored = session.get_one(classes.owa_document, _id(page))
        stored.page_title, stored.page_title_at = sent.get("page_title", ""), document["received"]
        stored.page_title_guid = int(document["guid"])

    def _dimension(self, session: Session, mapped: Any, **columns: Any) -> int:
        identity = _id(str(next(iter(columns.values()))))
        if session.get(mapped, identity) is None:
            session.add(mapped(id=identity, **columns))
        return identity

    def _visit(self, session: Session, request: Any, document: dict[str, Any]) -> None:
        visit = session.get(self._classes.owa_session, (request.session_id, request.site_id))
        if visit is None:
            shared = {name: value for name, value in self._shared(document).items() if name != "session_id"}
            visit = self._classes.owa_session(id=request.session_id, **shared)
            visit.num_pageviews, visit.prior_session_id = 0, 0
            visit.first_page_id, visit.entry_adopted = int(request.document_id), 0
            visit.entry_at, visit.entry_guid = request.received_at, request.id
            for name in ("ua_id", "os_id", "host_id", "location_id", "source_id", "referring_search_term_id"):
                setattr(visit, name, getattr(request, name))
            session.add(visit)
        visit.num_pageviews += 1
        visit.is_bounce = int(visit.num_pageviews == 1)
        visit.last_page_id, visit.last_req = int(request.document_id), request.timestamp
        visit.last_at, visit.last_guid = request.received_at, request.id

    def _visitor(self, session: Session, request: Any, document: dict[str, Any]) -> None:
        visitor = session.get(self._classes.owa_visitor, request.visitor_id)
        if visitor is None:
            visitor = self._classes.owa_visitor(id=request.visitor_id)
            visitor.first_session_id, visitor.first_session_timestamp = request.session_id, request.timestamp
            visitor.first_session_year, visitor.first_session_month = request.year, str(request.month)
            visitor.first_session_day, visitor.first_session_dayofyear = request.day, request.dayofyear
            visitor.first_session_yyyymmdd = request.yyyymmdd
            visitor.first_session_at, visitor.first_session_guid = request.received_at, request.id
            session.add(visitor)
        visitor.user_name, visitor.user_email = request.user_name, request.user_email
        visitor.last_session_id, visitor.last_session_year = request.session_id, request.year
        visitor.last_session_month, visitor.last_session_day = str(request.month), request.day
        visitor.last_session_dayofyear = request.dayofyear
        visitor.last_session_at, visitor.last_session_guid = request.received_at, request.id
        visitor.num_prior_sessions = request.num_prior_sessions


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")


@lru_cache(maxsize=20_000)
def _agent(text: str) -> tuple[str, str, str, bool]:
    """Browser, version, operating system, robot or not."""
    found = ua_parser.parse(text)
    browser = found.user_agent
    return (
        browser.family if browser else "",
        (browser.major or "") if browser else "",
        found.os.family if found.os else "(unknown)",
        found.device is not None and found.device.family == "Spider",
    )


def _id(text: str) -> int:
    return int.from_bytes(hashlib.sha1(text.strip().lower().encode(), usedforsecurity=False).digest()[:8]) >> 1


def _page(sent: dict[str, Any]) -> str:
    parts = urlsplit(sent.get("page_url", ""))
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.hostname}{parts.path.rstrip('/')}{query}"


def _medium(referer: str) -> str:
    return "referral" if referer else "direct"


def _search_terms(referer: str) -> str:
    return parse_qs(urlsplit(referer).query).get("q", [NOT_SET])[0]


def _number(text: Any) -> int | None:
    return int(text) if text and str(text).isdigit() else None


def _custom_variables(sent: dict[str, Any]) -> dict[str, str]:
    columns = {}
    for number in range(1, 6):
        name, _, value = sent.get(f"cv{number}", "").partition("=")
        columns[f"cv{number}_name"], columns[f"cv{number}_value"] = name or NOT_SET, value or NOT_SET
    return columns

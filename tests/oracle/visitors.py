"""Visitors, each folded from all that it did."""

from collections.abc import Mapping

from tests.oracle.events import Fact, Row, Session, key_columns, last_text
from tests.oracle.texts import NOT_SET


def visitor(own: list[Fact], entries: Mapping[Session, Fact]) -> Row:
    """The row. `own`: its events, least key first; `entries`: of all sessions."""
    views = [fact for fact in own if fact.is_page_view]
    opened = [view for view in views if entries.get(view.session) is view]
    prior = [view.block["num_prior_sessions"] for view in opened if view.block["num_prior_sessions"] is not None]
    return {
        "id": own[0].visitor_id,
        **last_text(views, "user_name", "user_name", NOT_SET),
        **last_text(views, "user_email", "user_email", NOT_SET),
        **_first_session(own[0]),
        **_last_session(opened[-1] if opened else None),
        "num_prior_sessions": max(prior, default=None),
    }


def _first_session(fact: Fact) -> Row:
    when = fact.calendar
    return {
        "first_session_id": fact.session[1],
        "first_session_year": when["year"],
        "first_session_month": str(when["month"]),
        "first_session_day": when["day"],
        "first_session_dayofyear": when["dayofyear"],
        "first_session_timestamp": when["timestamp"],
        "first_session_yyyymmdd": when["yyyymmdd"],
        **key_columns("first_session", fact),
    }


def _last_session(entry: Fact | None) -> Row:
    when = entry.calendar if entry else {}
    return {
        "last_session_id": entry.session[1] if entry else None,
        "last_session_year": when.get("year"),
        "last_session_month": str(when["month"]) if when else None,
        "last_session_day": when.get("day"),
        "last_session_dayofyear": when.get("dayofyear"),
        **key_columns("last_session", entry),
    }

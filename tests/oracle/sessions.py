"""Sessions, each folded from its page views, its orders and what else reached a goal."""

from datetime import datetime

from tests.oracle.commerce import Order, sums
from tests.oracle.events import Fact, Row, Session, key_columns, last_text
from tests.oracle.families import request
from tests.oracle.given import Given
from tests.oracle.goals import goal_columns
from tests.oracle.texts import NOT_SET, text_id, words


def entries(views: list[Fact], given: Given) -> dict[Session, Fact]:
    """The entry of each session that has one: the least page view with the flag; of an adopted one, the least."""
    found: dict[Session, Fact] = {}
    for view in views:
        if view.opens:
            found.setdefault(view.session, view)
    for view in views if given.adopt else ():
        found.setdefault(view.session, view)
    return found


def session(entry: Fact, views: list[Fact], bought: list[Order], own: list[Fact], given: Given) -> Row:
    """The row. `views`, `bought`: its page views and orders, least key first; `own`: all of its events, with those of
    orders that lost against a lesser one."""
    last = views[-1]
    attributed = next((view for view in reversed(views) if view.attribution.is_carried), None)
    masks = [fact.goals or 0 for fact in own]
    totals = [(order.row["goals"] or 0, order.row["total_revenue"]) for order in bought]
    return {
        **dict.fromkeys(("num_comments", "site", "is_feedreader")),
        **_of_entry(entry),
        **{name: (attributed or entry).block[name] for name in _ATTRIBUTION},
        "num_pageviews": len(views),
        "is_bounce": 1 if len(views) == 1 else 0,
        "last_req": last.second,
        "last_page_id": text_id(last.url),
        **_prior_session(entry, given),
        **last_text(views, "latest_attributions", "attribs", None),
        **last_text(views, "user_name", "user_name", NOT_SET),
        **last_text(views, "user_email", "user_email", NOT_SET),
        **sums(bought),
        **goal_columns(given.goals.get(entry.site_id, {}), masks, totals),
        "entry_adopted": 0 if entry.opens else 1,
        **key_columns("entry", entry),
        **key_columns("last", last),
        **key_columns("attribution", attributed),
    }


def _of_entry(entry: Fact) -> Row:
    row = request(entry)
    country, _, city, *_ = entry.place
    return {
        **{name: row[name] for name in _FROM_ENTRY},
        "id": entry.session[1],
        "site_id": entry.site_id,
        "first_page_id": text_id(entry.url),
        "host": entry.host,
        "city": city,
        "country": country,
        "prior_session_id": row["prior_session_id"] or 0,
    }


def _prior_session(entry: Fact, given: Given) -> Row:
    names = ("year", "month", "day", "dayofweek", "hour", "minute")
    row: Row = dict.fromkeys(
        ("prior_session_lastreq", "time_sinse_priorsession", *(f"prior_session_{n}" for n in names))
    )
    before = entry.block["last_req"]
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


_ATTRIBUTION = ("medium", "source_id", "campaign_id", "ad_id", "referring_search_term_id")
_CUSTOM_VARIABLES = [f"cv{number}_{part}" for number in range(1, 6) for part in ("name", "value")]
_FROM_ENTRY = _CUSTOM_VARIABLES + words(
    """
    visitor_id referer_id ua_id host_id os_id location_id timestamp yyyymmdd year month day dayofweek dayofyear
    weekofyear hour minute ip_address language is_new_visitor is_repeat_visitor days_since_prior_session
    days_since_first_session num_prior_sessions os is_robot is_browser
    """
)

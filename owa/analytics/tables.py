"""The analytics tables, with OWA's names and columns.

Columns of ours, behind OWA's: wherever a group of columns is the first or the last by key, the key that decided stands
beside it (`…_at` in microseconds, `…_guid`), so that a merge needs to look at no other row. Facts have what a session
is recomputed from: `received_at` in microseconds, `goals` (a bit for each that the page reaches), page views the rest.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from owa.db.metadata import METADATA, ByteOrderedText, Id

CUSTOM_VARIABLES = tuple(f"cv{number}_{part}" for number in range(1, 6) for part in ("name", "value"))
GOALS = range(1, 16)


def _integers(*names: str) -> list[Column[Any]]:
    return [Column(name, Integer) for name in names]


def _ids(*names: str) -> list[Column[Any]]:
    return [Column(name, Id) for name in names]


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _keys(*groups: str) -> list[Column[Any]]:
    return [column for group in groups for column in _ids(f"{group}_at", f"{group}_guid")]


def _fact_columns() -> list[Column[Any]]:
    """The columns that all fact tables share, but for `id` and `session_id`."""
    return [
        Column("visitor_id", Id, nullable=False),
        Column("site_id", String(255), nullable=False),
        *_ids("referer_id", "ua_id", "host_id", "os_id", "location_id", "referring_search_term_id"),
        *_integers("timestamp", "yyyymmdd", "year", "month", "day"),
        Column("dayofweek", String(10)),
        *_integers("dayofyear", "weekofyear", "last_req"),
        *_texts("ip_address"),
        *_integers("is_new_visitor", "is_repeat_visitor"),
        *_texts("language"),
        *_integers("days_since_prior_session", "days_since_first_session", "num_prior_sessions"),
        *_texts("medium"),
        *_ids("source_id", "ad_id", "campaign_id"),
        *_texts("user_name", *CUSTOM_VARIABLES),
    ]


REQUEST = Table(
    "owa_request",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("session_id", Id, nullable=False),
    *_fact_columns(),
    *_ids("inbound_visitor_id", "inbound_session_id", "feed_subscription_id"),
    *_texts("user_email"),
    *_integers("hour", "minute", "second", "msec"),
    Column("document_id", String(255)),
    *_texts("site", "os"),
    Column("prior_document_id", String(255)),
    *_integers("is_comment", "is_entry_page", "is_browser", "is_robot", "is_feedreader"),
    *_ids("received_at"),
    *_integers("carries_attribution", "goals"),
    *_texts("attributions"),
    *_ids("prior_session_id"),
    Index("owa_request_session", "session_id"),
    Index("owa_request_day", "site_id", "yyyymmdd"),
)

SESSION = Table(
    "owa_session",
    METADATA,
    # The id first: it starts with the time, so new rows land at the end of the index.
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("site_id", String(255), primary_key=True),
    *(column for column in _fact_columns() if column.name != "site_id"),
    *_texts("user_email"),
    *_integers("hour", "minute", "num_pageviews", "num_comments", "is_bounce", "prior_session_lastreq"),
    *_ids("prior_session_id"),
    *_integers("time_sinse_priorsession", "prior_session_year"),
    Column("prior_session_month", String(10)),
    *_integers("prior_session_day"),
    *_integers("prior_session_dayofweek", "prior_session_hour", "prior_session_minute"),
    *_texts("os"),
    *_ids("first_page_id", "last_page_id"),
    *_texts("host", "city", "country", "site"),
    *_integers("is_robot", "is_browser", "is_feedreader"),
    Column("latest_attributions", Text),
    *_integers("num_goals", "num_goal_starts"),
    *_ids("goals_value"),
    *(
        Column(f"commerce_{name}", Id, nullable=False, server_default="0")
        for name in (
            "trans_count",
            "trans_revenue",
            "items_revenue",
            "items_count",
            "items_quantity",
            "shipping_revenue",
            "tax_revenue",
        )
    ),
    *(
        column
        for number in GOALS
        for column in (
            Column(f"goal_{number}", Integer),
            Column(f"goal_{number}_start", Integer),
            Column(f"goal_{number}_value", BigInteger),
        )
    ),
    *_integers("entry_adopted"),
    *_keys("entry", "last", "attribution", "latest_attributions", "user_name", "user_email"),
    Index("owa_session_visitor", "visitor_id"),
    Index("owa_session_day", "site_id", "yyyymmdd"),
)

VISITOR = Table(
    "owa_visitor",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),
    *_texts("user_name", "user_email"),
    *_ids("first_session_id"),
    *_integers("first_session_year"),
    Column("first_session_month", String(10)),
    *_integers("first_session_day", "first_session_dayofyear", "first_session_timestamp", "first_session_yyyymmdd"),
    *_ids("last_session_id"),
    *_integers("last_session_year"),
    Column("last_session_month", String(10)),
    *_integers("last_session_day", "last_session_dayofyear", "num_prior_sessions"),
    *_keys("first_session", "last_session", "user_name", "user_email"),
)


def _fact(name: str, *columns: Column[Any], indexes: tuple[str, ...] = ("session_id",)) -> Table:
    """A table with a row for each event of a type, and `received_at`, its moment in microseconds."""
    return Table(
        f"owa_{name}",
        METADATA,
        Column("id", Id, primary_key=True, autoincrement=False),
        Column("session_id", Id, nullable=False),
        *_fact_columns(),
        *columns,
        *_ids("received_at"),
        *(Index(f"owa_{name}_{column.removesuffix('_id')}", column) for column in indexes),
        Index(f"owa_{name}_day", "site_id", "yyyymmdd"),
    )


ACTION = _fact(
    "action_fact",
    *_ids("document_id"),
    *_texts("action_name", "action_label", "action_group"),
    *_integers("numeric_value", "goals"),
)

CLICK = _fact(
    "click",
    *_ids("last_impression_id", "document_id", "target_id"),
    *_texts("target_url"),
    *_integers("hour", "minute", "second", "msec", "click_x", "click_y", "page_width", "page_height"),
    *_ids("position", "approx_position"),
    *_integers("dom_element_x", "dom_element_y"),
    *_texts(*(f"dom_element_{name}" for name in ("name", "id", "value", "tag", "text", "class", "parent_id"))),
    *_ids("tag_id", "placement_id", "ad_group_id"),
    *_texts("host"),
    *_integers("goals"),
)

DOMSTREAM = _fact(
    "domstream",
    *_ids("document_id", "domstream_guid"),
    *_texts("events"),
    *_integers("duration"),
    *_texts("page_url"),
    *_integers("page_width", "page_height"),
)

TRANSACTION = _fact(
    "commerce_transaction_fact",
    *_ids("document_id"),
    *_texts("order_id", "order_source", "gateway"),
    *(Column(f"{name}_revenue", BigInteger) for name in ("total", "tax", "shipping")),
    *_integers("goals", "original_session"),
    *_ids("event_guid"),
    indexes=("session_id", "order_id"),
)
"""A row for each order: of its least event."""

LINE_ITEM = _fact(
    "commerce_line_item_fact",
    *_ids("document_id"),
    *_texts("order_id", "sku", "product_name", "category"),
    *_ids("unit_price", "quantity", "item_revenue", "transaction_id"),
    *_integers("original_session"),
    indexes=("session_id", "order_id", "transaction_id"),
)

ORDER_EVENT = Table(
    "owa_order_event",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("site_id", String(255), nullable=False),
    Column("session_id", Id, nullable=False),
    *_integers("goals"),
    Index("owa_order_event_session", "session_id"),
)
"""Of ours: each event of an order, also those that lost against a lesser one; by guid."""

FEED_REQUEST = Table(
    "owa_feed_request",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),
    *_ids("visitor_id", "session_id", "document_id"),
    Column("site_id", String(255), nullable=False),
    *_ids("ua_id", "host_id", "os_id"),
    *_texts("site", "host", "feed_reader_guid"),
    *_ids("subscription_id"),
    *_integers("timestamp", "yyyymmdd", "month", "day"),
    Column("dayofweek", String(10)),
    *_integers("dayofyear", "weekofyear", "year", "hour", "minute", "second", "msec", "last_req"),
    *_texts("feed_format", "ip_address", "os"),
    *_ids("received_at"),
    Index("owa_feed_request_day", "site_id", "yyyymmdd"),
)


def _dimension(name: str, text: str, *columns: Column[Any]) -> Table:
    """A table keyed by the hash of its text."""
    return Table(
        f"owa_{name}",
        METADATA,
        Column("id", Id, primary_key=True, autoincrement=False),
        Column(text, ByteOrderedText, nullable=False),
        *columns,
    )


def _attributes(*names: str) -> list[Column[Any]]:
    """Columns that hold the last non-empty value, each with its key."""
    return [column for name in names for column in (*_texts(name), *_keys(name))]


DOCUMENT = _dimension("document", "url", *_texts("uri"), *_attributes("page_title", "page_type"))
REFERER = _dimension(
    "referer",
    "url",
    *_texts("site_name", "site", "query_terms", "refering_anchortext", "page_title", "snippet"),
    *_integers("is_searchengine"),
)
UA = _dimension("ua", "ua", *_texts("browser_type", "browser"))
OS = _dimension("os", "name")
HOST = _dimension(
    "host",
    "host",
    *_attributes("ip_address", "full_host"),
    *_texts("city", "country", "latitude", "longitude"),
)
LOCATION = _dimension(
    "location_dim",
    "place",
    *_texts("country", "state", "city"),
    *_attributes("country_code", "latitude", "longitude"),
)
SOURCE = _dimension("source_dim", "source_domain")
CAMPAIGN = _dimension("campaign_dim", "name")
AD = _dimension("ad_dim", "name", *_attributes("type"))
SEARCH_TERM = _dimension("search_term_dim", "terms", *_integers("term_count"))

"""Tables of all families of events, and what a session is recomputed from. Page views from before have none of that."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTE_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_facts()
    _create(
        "owa_order_event",
        _key(),
        _site(),
        _whole("session_id"),
        _integers("goals"),
        indexes={"session": ["session_id"]},
    )
    with op.batch_alter_table("owa_request") as table:
        for column in (*_ids("received_at"), *_integers("carries_attribution", "goals")):
            table.add_column(column)
        for column in (*_texts("attributions"), *_ids("prior_session_id")):
            table.add_column(column)
    with op.batch_alter_table("owa_location_dim") as table:
        table.add_column(sa.Column("place", BYTE_ORDERED, nullable=False, server_default=""))
        for name in ("country_code", "latitude", "longitude"):
            for column in _ids(f"{name}_at", f"{name}_guid"):
                table.add_column(column)
    places = sa.table("owa_location_dim", *(sa.column(name) for name in ("place", "country", "state", "city")))
    op.execute(places.update().values(place=places.c.country + "\x1f" + places.c.state + "\x1f" + places.c.city))
    with op.batch_alter_table("owa_location_dim") as table:
        table.alter_column("place", server_default=None)


def _create_facts() -> None:
    by_session = {"session": ["session_id"]}
    by_order = {**by_session, "order": ["order_id"]}
    _create_fact(
        "owa_action_fact",
        _ids("document_id"),
        _texts("action_name", "action_label", "action_group"),
        _integers("numeric_value", "goals"),
        indexes=by_session,
    )
    _create_fact(
        "owa_click",
        _ids("last_impression_id", "document_id", "target_id"),
        _texts("target_url"),
        _integers("hour", "minute", "second", "msec", "click_x", "click_y", "page_width", "page_height"),
        _ids("position", "approx_position"),
        _integers("dom_element_x", "dom_element_y"),
        _texts("dom_element_name", "dom_element_id", "dom_element_value", "dom_element_tag", "dom_element_text"),
        _texts("dom_element_class", "dom_element_parent_id"),
        _ids("tag_id", "placement_id", "ad_group_id"),
        _texts("host"),
        _integers("goals"),
        indexes=by_session,
    )
    _create_fact(
        "owa_domstream",
        _ids("document_id", "domstream_guid"),
        _texts("events"),
        _integers("duration"),
        _texts("page_url"),
        _integers("page_width", "page_height"),
        indexes=by_session,
    )
    _create_fact(
        "owa_commerce_transaction_fact",
        _ids("document_id"),
        _texts("order_id", "order_source", "gateway"),
        [sa.Column(f"{name}_revenue", sa.BigInteger(), nullable=True) for name in ("total", "tax", "shipping")],
        _integers("goals", "original_session"),
        _ids("event_guid"),
        indexes=by_order,
    )
    _create_fact(
        "owa_commerce_line_item_fact",
        _ids("document_id"),
        _texts("order_id", "sku", "product_name", "category"),
        _ids("unit_price", "quantity", "item_revenue", "transaction_id"),
        _integers("original_session"),
        indexes={**by_order, "transaction": ["transaction_id"]},
    )
    _create(
        "owa_feed_request",
        _key(),
        _ids("visitor_id", "session_id", "document_id"),
        _site(),
        _ids("ua_id", "host_id", "os_id"),
        _texts("site", "host", "feed_reader_guid"),
        _ids("subscription_id"),
        _integers("timestamp", "yyyymmdd", "month", "day"),
        [sa.Column("dayofweek", sa.String(length=10), nullable=True)],
        _integers("dayofyear", "weekofyear", "year", "hour", "minute", "second", "msec", "last_req"),
        _texts("feed_format", "ip_address", "os"),
        _ids("received_at"),
        indexes={"day": ["site_id", "yyyymmdd"]},
    )


def _create_fact(name: str, *columns: list[sa.Column[Any]], indexes: dict[str, list[str]]) -> None:
    """A table with the columns that all facts share."""
    _create(
        name,
        _key(),
        _whole("session_id"),
        _whole("visitor_id"),
        _site(),
        _ids("referer_id", "ua_id", "host_id", "os_id", "location_id", "referring_search_term_id"),
        _integers("timestamp", "yyyymmdd", "year", "month", "day"),
        [sa.Column("dayofweek", sa.String(length=10), nullable=True)],
        _integers("dayofyear", "weekofyear", "last_req"),
        _texts("ip_address"),
        _integers("is_new_visitor", "is_repeat_visitor"),
        _texts("language"),
        _integers("days_since_prior_session", "days_since_first_session", "num_prior_sessions"),
        _texts("medium"),
        _ids("source_id", "ad_id", "campaign_id"),
        _texts("user_name", *(f"cv{number}_{part}" for number in range(1, 6) for part in ("name", "value"))),
        *columns,
        _ids("received_at"),
        indexes={**indexes, "day": ["site_id", "yyyymmdd"]},
    )


def _create(name: str, *columns: list[sa.Column[Any]], indexes: dict[str, list[str]]) -> None:
    op.create_table(name, *(column for part in columns for column in part), sa.PrimaryKeyConstraint("id"))
    for short, indexed in indexes.items():
        op.create_index(f"{name}_{short}", name, indexed, unique=False)


def _key() -> list[sa.Column[Any]]:
    return [sa.Column("id", ID, autoincrement=False, nullable=False)]


def _site() -> list[sa.Column[Any]]:
    return [sa.Column("site_id", sa.String(length=255), nullable=False)]


def _whole(name: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, ID, nullable=False)]


def _ids(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, ID, nullable=True) for name in names]


def _integers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), nullable=True) for name in names]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=True) for name in names]


def downgrade() -> None:
    with op.batch_alter_table("owa_location_dim") as table:
        table.drop_column("place")
        for name in ("country_code", "latitude", "longitude"):
            for part in ("at", "guid"):
                table.drop_column(f"{name}_{part}")
    with op.batch_alter_table("owa_request") as table:
        for name in ("received_at", "carries_attribution", "goals", "attributions", "prior_session_id"):
            table.drop_column(name)
    for name in ("action_fact", "click", "domstream", "commerce_transaction_fact", "commerce_line_item_fact"):
        op.drop_table(f"owa_{name}")
    for name in ("order_event", "feed_request"):
        op.drop_table(f"owa_{name}")

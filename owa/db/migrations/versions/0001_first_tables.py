"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTE_ORDERED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "owa_ad_dim",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", BYTE_ORDERED, nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("type_at", ID, nullable=True),
        sa.Column("type_guid", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_campaign_dim",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", BYTE_ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_configuration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_document",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("url", BYTE_ORDERED, nullable=False),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("page_title", sa.Text(), nullable=True),
        sa.Column("page_title_at", ID, nullable=True),
        sa.Column("page_title_guid", ID, nullable=True),
        sa.Column("page_type", sa.Text(), nullable=True),
        sa.Column("page_type_at", ID, nullable=True),
        sa.Column("page_type_guid", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_event_count",
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("last_detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("server", "site_id", "outcome", "reason"),
    )
    op.create_table(
        "owa_host",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("host", BYTE_ORDERED, nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("ip_address_at", ID, nullable=True),
        sa.Column("ip_address_guid", ID, nullable=True),
        sa.Column("full_host", sa.Text(), nullable=True),
        sa.Column("full_host_at", ID, nullable=True),
        sa.Column("full_host_guid", ID, nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Text(), nullable=True),
        sa.Column("longitude", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_location_dim",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("country_code", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Text(), nullable=True),
        sa.Column("longitude", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_os",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", BYTE_ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_quarantine",
        sa.Column("queue_id", sa.String(length=36), nullable=False),
        sa.Column("segment", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "segment", "position"),
    )
    op.create_table(
        "owa_queue_item",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("event_type", sa.String(length=255), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("insertion_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("handled_timestamp", sa.BigInteger(), nullable=True),
        sa.Column("last_attempt_timestamp", sa.BigInteger(), nullable=True),
        sa.Column("not_before_timestamp", sa.BigInteger(), nullable=True),
        sa.Column("failed_attempt_count", sa.Integer(), nullable=False),
        sa.Column("is_assigned", sa.Integer(), nullable=False),
        sa.Column("last_error_msg", sa.Text(), nullable=True),
        sa.Column("handled_by", sa.String(length=255), nullable=True),
        sa.Column("handler_duration", sa.Integer(), nullable=True),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("waits_for", sa.String(length=300), nullable=True),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("remaining", sa.String(length=16), nullable=False),
        sa.Column("last_error_trace", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("owa_queue_item_due", "owa_queue_item", ["status", "not_before_timestamp"], unique=False)
    op.create_index("owa_queue_item_waits_for", "owa_queue_item", ["waits_for"], unique=False)
    op.create_table(
        "owa_queue_position",
        sa.Column("queue_id", sa.String(length=36), nullable=False),
        sa.Column("segment", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", "segment"),
    )
    op.create_table(
        "owa_receipt",
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "server", "site_id"),
    )
    op.create_table(
        "owa_referer",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("url", BYTE_ORDERED, nullable=False),
        sa.Column("site_name", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("query_terms", sa.Text(), nullable=True),
        sa.Column("refering_anchortext", sa.Text(), nullable=True),
        sa.Column("page_title", sa.Text(), nullable=True),
        sa.Column("snippet", sa.Text(), nullable=True),
        sa.Column("is_searchengine", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_request",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("visitor_id", ID, nullable=False),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("referer_id", ID, nullable=True),
        sa.Column("ua_id", ID, nullable=True),
        sa.Column("host_id", ID, nullable=True),
        sa.Column("os_id", ID, nullable=True),
        sa.Column("location_id", ID, nullable=True),
        sa.Column("referring_search_term_id", ID, nullable=True),
        sa.Column("timestamp", sa.Integer(), nullable=True),
        sa.Column("yyyymmdd", sa.Integer(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("month", sa.Integer(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("dayofweek", sa.String(length=10), nullable=True),
        sa.Column("dayofyear", sa.Integer(), nullable=True),
        sa.Column("weekofyear", sa.Integer(), nullable=True),
        sa.Column("last_req", sa.Integer(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("is_new_visitor", sa.Integer(), nullable=True),
        sa.Column("is_repeat_visitor", sa.Integer(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("days_since_prior_session", sa.Integer(), nullable=True),
        sa.Column("days_since_first_session", sa.Integer(), nullable=True),
        sa.Column("num_prior_sessions", sa.Integer(), nullable=True),
        sa.Column("medium", sa.Text(), nullable=True),
        sa.Column("source_id", ID, nullable=True),
        sa.Column("ad_id", ID, nullable=True),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("cv1_name", sa.Text(), nullable=True),
        sa.Column("cv1_value", sa.Text(), nullable=True),
        sa.Column("cv2_name", sa.Text(), nullable=True),
        sa.Column("cv2_value", sa.Text(), nullable=True),
        sa.Column("cv3_name", sa.Text(), nullable=True),
        sa.Column("cv3_value", sa.Text(), nullable=True),
        sa.Column("cv4_name", sa.Text(), nullable=True),
        sa.Column("cv4_value", sa.Text(), nullable=True),
        sa.Column("cv5_name", sa.Text(), nullable=True),
        sa.Column("cv5_value", sa.Text(), nullable=True),
        sa.Column("inbound_visitor_id", ID, nullable=True),
        sa.Column("inbound_session_id", ID, nullable=True),
        sa.Column("feed_subscription_id", ID, nullable=True),
        sa.Column("user_email", sa.Text(), nullable=True),
        sa.Column("hour", sa.Integer(), nullable=True),
        sa.Column("minute", sa.Integer(), nullable=True),
        sa.Column("second", sa.Integer(), nullable=True),
        sa.Column("msec", sa.Integer(), nullable=True),
        sa.Column("document_id", sa.String(length=255), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("os", sa.Text(), nullable=True),
        sa.Column("prior_document_id", sa.String(length=255), nullable=True),
        sa.Column("is_comment", sa.Integer(), nullable=True),
        sa.Column("is_entry_page", sa.Integer(), nullable=True),
        sa.Column("is_browser", sa.Integer(), nullable=True),
        sa.Column("is_robot", sa.Integer(), nullable=True),
        sa.Column("is_feedreader", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("owa_request_day", "owa_request", ["site_id", "yyyymmdd"], unique=False)
    op.create_index("owa_request_session", "owa_request", ["session_id"], unique=False)
    op.create_table(
        "owa_search_term_dim",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("terms", BYTE_ORDERED, nullable=False),
        sa.Column("term_count", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_session",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("visitor_id", ID, nullable=False),
        sa.Column("referer_id", ID, nullable=True),
        sa.Column("ua_id", ID, nullable=True),
        sa.Column("host_id", ID, nullable=True),
        sa.Column("os_id", ID, nullable=True),
        sa.Column("location_id", ID, nullable=True),
        sa.Column("referring_search_term_id", ID, nullable=True),
        sa.Column("timestamp", sa.Integer(), nullable=True),
        sa.Column("yyyymmdd", sa.Integer(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("month", sa.Integer(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("dayofweek", sa.String(length=10), nullable=True),
        sa.Column("dayofyear", sa.Integer(), nullable=True),
        sa.Column("weekofyear", sa.Integer(), nullable=True),
        sa.Column("last_req", sa.Integer(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("is_new_visitor", sa.Integer(), nullable=True),
        sa.Column("is_repeat_visitor", sa.Integer(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("days_since_prior_session", sa.Integer(), nullable=True),
        sa.Column("days_since_first_session", sa.Integer(), nullable=True),
        sa.Column("num_prior_sessions", sa.Integer(), nullable=True),
        sa.Column("medium", sa.Text(), nullable=True),
        sa.Column("source_id", ID, nullable=True),
        sa.Column("ad_id", ID, nullable=True),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("cv1_name", sa.Text(), nullable=True),
        sa.Column("cv1_value", sa.Text(), nullable=True),
        sa.Column("cv2_name", sa.Text(), nullable=True),
        sa.Column("cv2_value", sa.Text(), nullable=True),
        sa.Column("cv3_name", sa.Text(), nullable=True),
        sa.Column("cv3_value", sa.Text(), nullable=True),
        sa.Column("cv4_name", sa.Text(), nullable=True),
        sa.Column("cv4_value", sa.Text(), nullable=True),
        sa.Column("cv5_name", sa.Text(), nullable=True),
        sa.Column("cv5_value", sa.Text(), nullable=True),
        sa.Column("user_email", sa.Text(), nullable=True),
        sa.Column("hour", sa.Integer(), nullable=True),
        sa.Column("minute", sa.Integer(), nullable=True),
        sa.Column("num_pageviews", sa.Integer(), nullable=True),
        sa.Column("num_comments", sa.Integer(), nullable=True),
        sa.Column("is_bounce", sa.Integer(), nullable=True),
        sa.Column("prior_session_lastreq", sa.Integer(), nullable=True),
        sa.Column("prior_session_id", ID, nullable=True),
        sa.Column("time_sinse_priorsession", sa.Integer(), nullable=True),
        sa.Column("prior_session_year", sa.Integer(), nullable=True),
        sa.Column("prior_session_month", sa.String(length=10), nullable=True),
        sa.Column("prior_session_day", sa.Integer(), nullable=True),
        sa.Column("prior_session_dayofweek", sa.Integer(), nullable=True),
        sa.Column("prior_session_hour", sa.Integer(), nullable=True),
        sa.Column("prior_session_minute", sa.Integer(), nullable=True),
        sa.Column("os", sa.Text(), nullable=True),
        sa.Column("first_page_id", ID, nullable=True),
        sa.Column("last_page_id", ID, nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("is_robot", sa.Integer(), nullable=True),
        sa.Column("is_browser", sa.Integer(), nullable=True),
        sa.Column("is_feedreader", sa.Integer(), nullable=True),
        sa.Column("latest_attributions", sa.Text(), nullable=True),
        sa.Column("num_goals", sa.Integer(), nullable=True),
        sa.Column("num_goal_starts", sa.Integer(), nullable=True),
        sa.Column("goals_value", ID, nullable=True),
        sa.Column("commerce_trans_count", ID, server_default="0", nullable=False),
        sa.Column("commerce_trans_revenue", ID, server_default="0", nullable=False),
        sa.Column("commerce_items_revenue", ID, server_default="0", nullable=False),
        sa.Column("commerce_items_count", ID, server_default="0", nullable=False),
        sa.Column("commerce_items_quantity", ID, server_default="0", nullable=False),
        sa.Column("commerce_shipping_revenue", ID, server_default="0", nullable=False),
        sa.Column("commerce_tax_revenue", ID, server_default="0", nullable=False),
        sa.Column("goal_1", sa.Integer(), nullable=True),
        sa.Column("goal_1_start", sa.Integer(), nullable=True),
        sa.Column("goal_1_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_2", sa.Integer(), nullable=True),
        sa.Column("goal_2_start", sa.Integer(), nullable=True),
        sa.Column("goal_2_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_3", sa.Integer(), nullable=True),
        sa.Column("goal_3_start", sa.Integer(), nullable=True),
        sa.Column("goal_3_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_4", sa.Integer(), nullable=True),
        sa.Column("goal_4_start", sa.Integer(), nullable=True),
        sa.Column("goal_4_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_5", sa.Integer(), nullable=True),
        sa.Column("goal_5_start", sa.Integer(), nullable=True),
        sa.Column("goal_5_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_6", sa.Integer(), nullable=True),
        sa.Column("goal_6_start", sa.Integer(), nullable=True),
        sa.Column("goal_6_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_7", sa.Integer(), nullable=True),
        sa.Column("goal_7_start", sa.Integer(), nullable=True),
        sa.Column("goal_7_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_8", sa.Integer(), nullable=True),
        sa.Column("goal_8_start", sa.Integer(), nullable=True),
        sa.Column("goal_8_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_9", sa.Integer(), nullable=True),
        sa.Column("goal_9_start", sa.Integer(), nullable=True),
        sa.Column("goal_9_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_10", sa.Integer(), nullable=True),
        sa.Column("goal_10_start", sa.Integer(), nullable=True),
        sa.Column("goal_10_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_11", sa.Integer(), nullable=True),
        sa.Column("goal_11_start", sa.Integer(), nullable=True),
        sa.Column("goal_11_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_12", sa.Integer(), nullable=True),
        sa.Column("goal_12_start", sa.Integer(), nullable=True),
        sa.Column("goal_12_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_13", sa.Integer(), nullable=True),
        sa.Column("goal_13_start", sa.Integer(), nullable=True),
        sa.Column("goal_13_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_14", sa.Integer(), nullable=True),
        sa.Column("goal_14_start", sa.Integer(), nullable=True),
        sa.Column("goal_14_value", sa.BigInteger(), nullable=True),
        sa.Column("goal_15", sa.Integer(), nullable=True),
        sa.Column("goal_15_start", sa.Integer(), nullable=True),
        sa.Column("goal_15_value", sa.BigInteger(), nullable=True),
        sa.Column("entry_adopted", sa.Integer(), nullable=True),
        sa.Column("entry_at", ID, nullable=True),
        sa.Column("entry_guid", ID, nullable=True),
        sa.Column("last_at", ID, nullable=True),
        sa.Column("last_guid", ID, nullable=True),
        sa.Column("attribution_at", ID, nullable=True),
        sa.Column("attribution_guid", ID, nullable=True),
        sa.Column("latest_attributions_at", ID, nullable=True),
        sa.Column("latest_attributions_guid", ID, nullable=True),
        sa.Column("user_name_at", ID, nullable=True),
        sa.Column("user_name_guid", ID, nullable=True),
        sa.Column("user_email_at", ID, nullable=True),
        sa.Column("user_email_guid", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", "site_id"),
    )
    op.create_index("owa_session_day", "owa_session", ["site_id", "yyyymmdd"], unique=False)
    op.create_index("owa_session_visitor", "owa_session", ["visitor_id"], unique=False)
    op.create_table(
        "owa_site",
        sa.Column("id", ID, nullable=False),
        sa.Column("site_id", sa.String(length=255), nullable=False),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("site_family", sa.Text(), nullable=True),
        sa.Column("settings", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site_id"),
    )
    op.create_table(
        "owa_site_user",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "user_id"),
    )
    op.create_table(
        "owa_source_dim",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("source_domain", BYTE_ORDERED, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_ua",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("ua", BYTE_ORDERED, nullable=False),
        sa.Column("browser_type", sa.Text(), nullable=True),
        sa.Column("browser", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "owa_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("role", sa.String(length=255), nullable=True),
        sa.Column("real_name", sa.Text(), nullable=True),
        sa.Column("email_address", sa.Text(), nullable=True),
        sa.Column("temp_passkey", sa.Text(), nullable=True),
        sa.Column("creation_date", sa.BigInteger(), nullable=True),
        sa.Column("last_update_date", sa.BigInteger(), nullable=True),
        sa.Column("api_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id"),
    )
    op.create_table(
        "owa_visitor",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("user_email", sa.Text(), nullable=True),
        sa.Column("first_session_id", ID, nullable=True),
        sa.Column("first_session_year", sa.Integer(), nullable=True),
        sa.Column("first_session_month", sa.String(length=10), nullable=True),
        sa.Column("first_session_day", sa.Integer(), nullable=True),
        sa.Column("first_session_dayofyear", sa.Integer(), nullable=True),
        sa.Column("first_session_timestamp", sa.Integer(), nullable=True),
        sa.Column("first_session_yyyymmdd", sa.Integer(), nullable=True),
        sa.Column("last_session_id", ID, nullable=True),
        sa.Column("last_session_year", sa.Integer(), nullable=True),
        sa.Column("last_session_month", sa.String(length=10), nullable=True),
        sa.Column("last_session_day", sa.Integer(), nullable=True),
        sa.Column("last_session_dayofyear", sa.Integer(), nullable=True),
        sa.Column("num_prior_sessions", sa.Integer(), nullable=True),
        sa.Column("first_session_at", ID, nullable=True),
        sa.Column("first_session_guid", ID, nullable=True),
        sa.Column("last_session_at", ID, nullable=True),
        sa.Column("last_session_guid", ID, nullable=True),
        sa.Column("user_name_at", ID, nullable=True),
        sa.Column("user_name_guid", ID, nullable=True),
        sa.Column("user_email_at", ID, nullable=True),
        sa.Column("user_email_guid", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("owa_visitor")
    op.drop_table("owa_user")
    op.drop_table("owa_ua")
    op.drop_table("owa_source_dim")
    op.drop_table("owa_site_user")
    op.drop_table("owa_site")
    op.drop_index("owa_session_visitor", table_name="owa_session")
    op.drop_index("owa_session_day", table_name="owa_session")
    op.drop_table("owa_session")
    op.drop_table("owa_search_term_dim")
    op.drop_index("owa_request_session", table_name="owa_request")
    op.drop_index("owa_request_day", table_name="owa_request")
    op.drop_table("owa_request")
    op.drop_table("owa_referer")
    op.drop_table("owa_receipt")
    op.drop_table("owa_queue_position")
    op.drop_index("owa_queue_item_waits_for", table_name="owa_queue_item")
    op.drop_index("owa_queue_item_due", table_name="owa_queue_item")
    op.drop_table("owa_queue_item")
    op.drop_table("owa_quarantine")
    op.drop_table("owa_os")
    op.drop_table("owa_location_dim")
    op.drop_table("owa_host")
    op.drop_table("owa_event_count")
    op.drop_table("owa_document")
    op.drop_table("owa_configuration")
    op.drop_table("owa_campaign_dim")
    op.drop_table("owa_ad_dim")

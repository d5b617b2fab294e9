"""Tables that no single stage owns: sites, users, configuration, and the counts of what became of events."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from owa.db.metadata import METADATA, Id

SITE = Table(
    "owa_site",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("site_id", String(255), unique=True, nullable=False),
    Column("domain", Text),
    Column("name", Text),
    Column("description", Text),
    Column("site_family", Text),
    Column("settings", LargeBinary),
)

SITE_USER = Table(
    "owa_site_user",
    METADATA,
    Column("site_id", Id, primary_key=True),
    Column("user_id", Integer, primary_key=True),
)

USER = Table(
    "owa_user",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("user_id", String(255), unique=True, nullable=False),
    Column("password", Text),
    Column("role", String(255)),
    Column("real_name", Text),
    Column("email_address", Text),
    Column("temp_passkey", Text),
    Column("creation_date", BigInteger),
    Column("last_update_date", BigInteger),
    Column("api_key", Text),
    Column("last_login", BigInteger),  # microseconds
)

CONFIGURATION = Table(
    "owa_configuration",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("settings", LargeBinary),
    # Raised by every change that processes must notice: stored settings, sites, modules.
    Column("generation", Integer, nullable=False),
)

EVENT_COUNT = Table(
    "owa_event_count",
    METADATA,
    Column("server", Integer, primary_key=True),
    Column("site_id", String(255), primary_key=True),
    Column("outcome", String(32), primary_key=True),
    Column("reason", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),  # microseconds
    Column("last_detail", Text, nullable=False),
)

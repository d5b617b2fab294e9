"""Logins that are open, failed ones, and the audit trail. Users and their sites: `owa.db.tables`."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from owa.db.metadata import METADATA, Id

LOGIN = Table(
    "owa_login",
    METADATA,
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of what the cookie holds
    Column("user_id", String(255), nullable=False, index=True),
    Column("began_at", BigInteger, nullable=False),  # microseconds, as the others
    Column("seen_at", BigInteger, nullable=False),
    Column("ip_address", String(64), nullable=False),
    Column("user_agent", Text, nullable=False),
)

LOGIN_FAILURE = Table(
    "owa_login_failure",
    METADATA,
    Column("subject", String(300), primary_key=True),  # a user or an address
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False, index=True),
)

AUDIT = Table(
    "owa_audit",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("user_id", String(255), nullable=False),
    Column("ip_address", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", LargeBinary, nullable=False),  # JSON
    Column("after", LargeBinary, nullable=False),  # JSON
)

SECRET = Table(
    "owa_secret",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", String(255), nullable=False),
)

"""Tables that queues of any kind share."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from owa.db.metadata import METADATA

QUEUE_POSITION = Table(
    "owa_queue_position",
    METADATA,
    Column("queue_id", String(36), primary_key=True),
    Column("segment", String(255), primary_key=True),
    Column("position", BigInteger, nullable=False),  # bytes of the segment that are processed
)

QUARANTINE = Table(
    "owa_quarantine",
    METADATA,
    Column("queue_id", String(36), primary_key=True),
    Column("segment", String(255), primary_key=True),
    Column("position", BigInteger, primary_key=True),  # offset of the first byte
    Column("length", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("found_at", BigInteger, nullable=False),  # microseconds
)

"""The table `owa_queue_item`: OWA's columns, and what ours adds."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, text

from owa.module_api import METADATA, Id, partial_index

QUEUE_ITEM = Table(
    "owa_queue_item",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False),  # the event's guid
    Column("handler", String(255), primary_key=True, server_default=text("''")),  # MODULE:NAME; empty: the core
    Column("event_type", String(255), nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("status", String(16), nullable=False),  # unhandled, handled, broken
    Column("event", LargeBinary, nullable=False),
    Column("insertion_timestamp", BigInteger, nullable=False),
    Column("handled_timestamp", BigInteger),
    Column("last_attempt_timestamp", BigInteger),
    Column("not_before_timestamp", BigInteger),  # when it is due; NULL: not before its key has come
    Column("failed_attempt_count", Integer, nullable=False, default=0),
    Column("is_assigned", Integer, nullable=False, default=0),
    Column("last_error_msg", Text),
    Column("handled_by", String(255)),  # the process of the last attempt, of what was leased
    Column("handler_duration", BigInteger),  # of the last attempt; microseconds
    # ours
    Column("site_id", String(255), nullable=False),
    Column("server", Integer, nullable=False),
    Column("waits_for", String(300)),
    Column("waiting_since", BigInteger),  # moved on by the length of each pause
    Column("failing_since", BigInteger),
    Column("remaining", String(16), nullable=False),
    Column("last_error_trace", Text),
    Column("owner", String(255)),  # the process that has leased it
    Column("lease_token", String(36)),
    Column("lease_until", BigInteger),  # a leased row has the same in not_before_timestamp
    Column("session_id", Id),
    Column("visitor_id", Id),
    Column("fingerprint", String(16)),  # of last_error_msg; NULL: it has not failed
    Column("discarded_at", BigInteger),  # NULL: it is not discarded; microseconds
    Column("waited_for", String(300)),  # of a discarded row: what it had in waits_for
    Index("owa_queue_item_due", "status", "handler", "not_before_timestamp"),
    Index("owa_queue_item_failed", "status", "last_attempt_timestamp", "id", "handler"),
)
_WAITING = QUEUE_ITEM.c.waits_for.is_not(None)
partial_index(
    "owa_queue_item_waits_for",
    QUEUE_ITEM.c.waits_for,
    QUEUE_ITEM.c.status,
    QUEUE_ITEM.c.waiting_since,
    where=_WAITING,
)
partial_index(
    "owa_queue_item_waiting_since",
    QUEUE_ITEM.c.status,
    QUEUE_ITEM.c.waiting_since,
    QUEUE_ITEM.c.waits_for,
    where=_WAITING,
)
_UNFINISHED = text("status != 'handled'")
partial_index(
    "owa_queue_item_oldest",
    QUEUE_ITEM.c.status,
    QUEUE_ITEM.c.insertion_timestamp,
    where=_UNFINISHED,
)
partial_index(
    "owa_queue_item_site",
    QUEUE_ITEM.c.status,
    QUEUE_ITEM.c.site_id,
    QUEUE_ITEM.c.handler,
    QUEUE_ITEM.c.not_before_timestamp,
    where=_UNFINISHED,
)
_HAS_FAILED = QUEUE_ITEM.c.fingerprint.is_not(None)
_PLACE = QUEUE_ITEM.c.last_attempt_timestamp, QUEUE_ITEM.c.id, QUEUE_ITEM.c.handler
for _name, _columns in {
    "error": (QUEUE_ITEM.c.status, QUEUE_ITEM.c.fingerprint, *_PLACE),
    "type": (QUEUE_ITEM.c.status, QUEUE_ITEM.c.event_type, *_PLACE),
    "failed_site": (QUEUE_ITEM.c.status, QUEUE_ITEM.c.site_id, *_PLACE),
    "handler": (QUEUE_ITEM.c.status, QUEUE_ITEM.c.handler, *_PLACE[:2]),
    "session": (QUEUE_ITEM.c.session_id,),
    "visitor": (QUEUE_ITEM.c.visitor_id,),
}.items():  # only of what has failed: others pay nothing for them
    partial_index(f"owa_queue_item_{_name}", *_columns, where=_HAS_FAILED)
_DISCARDED = QUEUE_ITEM.c.discarded_at.is_not(None)
partial_index(
    "owa_queue_item_discarded",
    QUEUE_ITEM.c.discarded_at,
    QUEUE_ITEM.c.id,
    QUEUE_ITEM.c.handler,
    where=_DISCARDED,
)
_LEASED = QUEUE_ITEM.c.owner.is_not(None)
partial_index("owa_queue_item_owner", QUEUE_ITEM.c.owner, where=_LEASED)
"""All `…_timestamp` columns, and `lease_until`, are in microseconds since the epoch."""

ATTEMPT = Table(
    "owa_attempt",
    METADATA,
    Column("guid", Id, primary_key=True, autoincrement=False),
    Column("handler", String(255), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # microseconds
    Column("error", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Column("process", String(255), nullable=False),
    Column("duration", BigInteger),  # microseconds
)
"""Attempts that failed, of rows of `owa_queue_item`."""

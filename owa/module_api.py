"""The only door for modules: all that a module, ours or a third party's, may import of OWA."""

from owa.clock import MICROSECONDS, Clock
from owa.contributions import (
    INCOMING,
    PROCESSING,
    EventHandler,
    Handled,
    ProcessingContext,
    QueueBinding,
    QueueContext,
    QueueType,
    RetryQueueType,
    Site,
)
from owa.db.bulk import BulkStatement, bound, chunks, insert_new
from owa.db.engine import Database, after_commit
from owa.db.metadata import METADATA, Id
from owa.db.receipts import Receipt, retire, seen
from owa.errors import HeldByAnother, Overtaken, OwaError, QueueUnavailable, RecordError, UsageError
from owa.events import Entry, Event, Refusal, dumps, loads
from owa.files import give_to_folder_owner, make_folder
from owa.hookspecs import hookimpl
from owa.queues.append import Appender, sync_folder, wait_for_writers
from owa.queues.contract import (
    Batch,
    Claim,
    EventQueue,
    Failure,
    Item,
    Kept,
    Lease,
    Pending,
    Quarantined,
    QueueStatus,
    Remaining,
    RetryQueue,
    Source,
    State,
    Unreadable,
    Waiting,
    session_key,
)
from owa.queues.numbering import Numbering, kept_numbers, writers_gone
from owa.queues.positions import Positions
from owa.queues.records import EVENT_START, Record
from owa.queues.segments import Block, read_block
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY
from owa.settings import Setting, Settings, boolean, choice, integer, networks, text, words

__all__ = [
    "ARCHIVE_OLD_EVENTS",
    "DURABILITY",
    "EVENT_START",
    "INCOMING",
    "METADATA",
    "MICROSECONDS",
    "PROCESSING",
    "Appender",
    "Batch",
    "Block",
    "BulkStatement",
    "Claim",
    "Clock",
    "Database",
    "Entry",
    "Event",
    "EventHandler",
    "EventQueue",
    "Failure",
    "Handled",
    "HeldByAnother",
    "Id",
    "Item",
    "Kept",
    "Lease",
    "Numbering",
    "Overtaken",
    "OwaError",
    "Pending",
    "Positions",
    "ProcessingContext",
    "Quarantined",
    "QueueBinding",
    "QueueContext",
    "QueueStatus",
    "QueueType",
    "QueueUnavailable",
    "Receipt",
    "Record",
    "RecordError",
    "Refusal",
    "Remaining",
    "RetryQueue",
    "RetryQueueType",
    "Setting",
    "Settings",
    "Site",
    "Source",
    "State",
    "Unreadable",
    "UsageError",
    "Waiting",
    "after_commit",
    "boolean",
    "bound",
    "choice",
    "chunks",
    "dumps",
    "give_to_folder_owner",
    "hookimpl",
    "insert_new",
    "integer",
    "kept_numbers",
    "loads",
    "make_folder",
    "networks",
    "read_block",
    "retire",
    "seen",
    "session_key",
    "sync_folder",
    "text",
    "wait_for_writers",
    "words",
    "writers_gone",
]

"""What modules contribute: frozen values that their hooks return."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from sqlalchemy import Connection, Executable

from owa.clock import Clock
from owa.db.bulk import BulkStatement, Row
from owa.db.engine import Database
from owa.db.modules import Subscriptions, Switch
from owa.events import Event
from owa.queues.contract import EventQueue, RetryQueue, Waiting
from owa.settings import Setting, Settings

INCOMING = "incoming_tracking_events"
PROCESSING = "processing"


@dataclass(frozen=True, slots=True)
class Module:
    """What a module says of itself."""

    name: str
    """Of its folder, or of its entry point."""
    title: str
    version: str
    author: str
    group: str
    """Where the admin looks for it, such as `Queues`."""
    description: str
    """A sentence or two for the admin: what it does, and who needs it."""
    requires: tuple[str, ...] = ()
    """Names of modules that must be on for it to work."""
    needs_owa: str = ""
    """The least version of OWA, such as `0.2`."""
    is_on: bool = False
    """Whether it is on until somebody switches it."""
    migrations: str = ""
    """A folder of its package with Alembic's revisions of tables of its own, such as `migrations`. Until they have run
    it is not called."""


@dataclass(frozen=True, slots=True)
class QueueContext:
    """What a queue's factory gets."""

    name: str
    settings: Settings
    database: Database
    clock: Clock
    folder: Path
    """The queue files' folder (`base.async_log_dir`)."""
    generation: Callable[[], int] = lambda: 0
    """Of the configuration that this process has applied."""


@dataclass(frozen=True, slots=True)
class QueueType:
    """A kind of queue of events."""

    name: str
    """Such as `file`; a binding refers to it."""
    open: Callable[[QueueContext], EventQueue]
    open_path: Callable[[QueueContext, Path], EventQueue] | None = None
    """Opens a file of this kind that was copied from elsewhere, to be drained; None: this kind has no files."""


@dataclass(frozen=True, slots=True)
class RetryQueueType:
    """A kind of queue for events that wait or are tried again."""

    name: str
    open: Callable[[QueueContext], RetryQueue]


@dataclass(frozen=True, slots=True)
class QueueBinding:
    """Says which type serves a queue. One override replaces the default; two are an error."""

    queue: str
    type: str
    override: bool = False


@dataclass(frozen=True, slots=True)
class PreprocessingStep:
    """Changes an event before it is queued, in the visitor's request: it must be quick, and needs no database."""

    name: str
    run: Callable[[Event, Settings], Event]
    """Gets the settings as they are now. What identifies the event stays: only its properties are taken over."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Refuses events before they are queued."""

    name: str
    refuse: Callable[[Event, Settings], str]
    """Gets the settings as they are now. Why the event is refused, in a few words; empty: it is not."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where an address is, in English names. A text that is empty is not known."""

    country: str = ""
    state: str = ""
    city: str = ""
    country_code: str = ""
    """Two letters, such as `DE`."""
    latitude: str = ""
    longitude: str = ""
    """Degrees, such as `-0.1278`."""


@dataclass(frozen=True, slots=True)
class Locator:
    """Knows where addresses are. It is asked within the drain, whose events wait for it: it must be quick."""

    name: str
    locate: Callable[[str, Settings], Location | None]
    """Gets an IPv4 or IPv6 address in its usual spelling, perhaps anonymised, and the settings as they are now. None:
    it does not know. What it raises is held against its module, and means the same."""


def locate_nothing(_address: str) -> Location | None:
    """Where nobody knows where addresses are."""
    return None


@dataclass(frozen=True, slots=True)
class Site:
    """A registered site, as processing needs it."""

    site_id: str
    domain: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """Its own settings: `query_string_filters` (comma-separated names), `default_page`."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that an admin configures, as one process sees it at one moment."""

    settings: Settings
    sites: Mapping[str, Site]
    """By site_id."""
    generation: int = 0
    """Raised by every change."""
    modules: Mapping[str, Switch] = field(default_factory=dict)
    """What somebody chose for modules."""
    subscriptions: Mapping[str, Subscriptions] = field(default_factory=dict)
    """What the event handlers of modules wanted when they were last seen, by module."""


class FollowUp(StrEnum):
    """Types of events that OWA makes itself, for event handlers that want them: what follows from what was received.
    Nobody can send them. Their guid is that of their property `key`, the same each time they are told."""

    FACT_STORED = "base.fact_stored"
    """An event has its row. Properties: `event` (its guid), `event_type`."""
    NEW_SESSION = "base.new_session"
    """A session was opened. Properties: `event` (the guid of its first page view), `adopted`."""
    SESSION_UPDATE = "base.session_update"
    """A further page view was counted in its session. Properties: `event`."""
    TRANSACTION_STORED = "ecommerce.transaction_stored"
    """An order was stored, or replaced by a lesser event of it. Properties: `event`, `transaction` (its id),
    `order_id`."""
    CONVERSION = "base.conversion"
    """A session has reached a goal. Properties: `event`, `goal` (its number), `value` (cents, as it was then)."""


@dataclass(frozen=True, slots=True)
class ProcessingContext:
    """What handlers may know besides the events. Frozen for the length of a batch."""

    settings: Settings
    sites: Mapping[str, Site]
    """By site_id."""
    now: int
    """Microseconds."""
    locate: Callable[[str], Location | None] = locate_nothing
    """Where the address of an event is, as the modules that are on know it. Takes any text, also one that is no
    address; never raises. For the length of a batch its answers stay the same."""
    wanted: Collection[str] = ()
    """The types of events that event handlers want."""


@dataclass(slots=True)
class Handled:
    """What a handler did with a batch. Events that are not listed are processed."""

    duplicates: list[Event] = field(default_factory=list)
    """Had been stored before; nothing was changed."""
    waiting: list[Waiting] = field(default_factory=list)
    """Cannot be finished before something else has come."""
    opened: list[str] = field(default_factory=list)
    """Keys that other events may have waited for."""
    coerced: list[tuple[Event, str]] = field(default_factory=list)
    """Values of the wrong type that became NULL: the event, and the property's name."""
    follow_ups: list[Event] = field(default_factory=list)
    """What event handlers are to be told, of the types that are wanted."""


@runtime_checkable
class FactHandler(Protocol):
    """Turns events into rows of the core, one a fact. Its writes are merges: idempotent and commutative. One that does
    nothing but write through its connection may say so by an attribute `may_be_tried = True`: then an admin can try a
    failed event, in a transaction that is rolled back."""

    event_types: frozenset[str]

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """Store a batch inside the caller's transaction. Whatever it raises is held against single events: the batch
        is tried again in halves."""

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """Finish events that `handle` returned as waiting."""

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        """Finish events that have waited for too long, as if what they wait for had come."""

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        """Those of the keys whose wait is over."""


class FactValues(Protocol):
    """The properties of an event, read with types: a value of the wrong type is absent, and counted."""

    def text(self, name: str, longest: int = ...) -> str:
        """The text as sent, cut to so many characters; empty when absent."""

    def integer(self, name: str) -> int | None:
        """A whole number of at most 31 bits."""

    def identifier(self, name: str) -> int | None:
        """A whole number of at most 63 bits, not negative."""


@dataclass(frozen=True, slots=True)
class FactFamily:
    """A type of events that are stored as one row each, inserted once. The core adds the columns that all facts share,
    and lets them wait for their session."""

    event_type: str
    table: str
    """One of the core's."""
    columns: Callable[[FactValues, str], Mapping[str, object]]
    """Gets the properties, and the canonical address of the page; returns the columns that only this table has."""


Statement: TypeAlias = Executable | tuple[BulkStatement, Sequence[Row]]
"""What is executed: a statement of SQLAlchemy, or a bulk statement with its rows."""


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """What an event handler may know besides the event."""

    settings: Settings
    sites: Mapping[str, Site]
    """By site_id."""
    now: int
    """Microseconds."""
    reading: Connection
    """To look something up in the database. It cannot be written to."""


@dataclass(frozen=True, slots=True)
class EventHandler:
    """Is given each event of its types once the core has finished it, in a process of its own."""

    name: str
    """Unlike that of the module's other event handlers. What is still to be delivered is kept under this name."""
    event_types: frozenset[str] | Setting[tuple[str, ...]]
    """Types of received events, or of `FollowUp`. Or the setting that names them, one of `words`: then what it says at
    the moment counts."""
    handle: Callable[[Event, HandlerContext], Iterable[Statement]]
    """Gets one event, at least once; its guid is the same each time. It may take its time, and do what it likes
    elsewhere. The statements that it returns are executed, all or none, in the transaction that marks the event as
    done: what they store is stored exactly once. What it raises is held against this event, which is tried again."""
    may_be_tried: bool = False
    """Whether it does nothing elsewhere. Then an admin can try a failed event: the handler is given it, and its
    statements are executed in a transaction that is rolled back."""

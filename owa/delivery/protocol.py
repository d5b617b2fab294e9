"""What a courier and its child process say to each other: JSON lines, each way over a pipe of its own."""

import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from owa.contributions import Configuration, Site
from owa.events import dumps, loads
from owa.queues.contract import Item, Key, Remaining
from owa.settings import Setting, Settings, T

DUMP = signal.SIGUSR1
"""Makes the child say where it is, on its standard error: also when its interpreter is stuck."""


@dataclass(frozen=True, slots=True)
class Setup:
    """To the child, first of all: who it is."""

    module: str
    """Whose handlers it runs."""
    modules: list[str]
    """Of third parties, those that are loaded: that one, what it requires, and what serves the processing queue."""
    switches: Mapping[str, str]
    database_url: str
    is_durable: bool
    """Whether a commit must survive a power loss."""
    queue_folder: str
    memory: int
    """MB of address space; 0: no limit."""
    processors: list[int]
    """Those that it may use."""
    python_path: str | None
    """What PYTHONPATH was, before it was changed so that the child finds what its parent has."""


@dataclass(frozen=True, slots=True)
class Configure:
    """To the child: the configuration, from now on."""

    settings: Mapping[str, str]
    """What was written, by the settings' names, of those that are no defaults."""
    sites: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Work:
    """To the child: deliver these, one by one."""

    token: str
    """Of their lease."""
    items: list[Mapping[str, Any]]
    seconds: float
    """After which no other one is begun."""


@dataclass(frozen=True, slots=True)
class Try:
    """To the child: find out what would come of this delivery, and take it back."""

    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """From the child: what would come of it. Rows are told in texts and numbers."""

    cannot: str = ""
    """Why it was not tried; empty: it was."""
    error: str = ""
    """Why it would fail; empty: it would not."""
    trace: str = ""
    changes: Sequence[Mapping[str, Any]] = ()
    """The fields of `RowChange`s."""
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """To the child: end when the present event is done."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From the child: the module is loaded."""


@dataclass(frozen=True, slots=True)
class Broken:
    """From the child: the module cannot be loaded there."""

    error: str
    trace: str


@dataclass(frozen=True, slots=True)
class Started:
    """From the child: a handler is given this event."""

    guid: int
    handler: str


@dataclass(frozen=True, slots=True)
class Failed:
    """From the child: the handler raised, or what it returned cannot be stored."""

    guid: int
    handler: str
    error: str
    trace: str
    duration: int
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class Queueing:
    """From the child: it waits for its turn to write. No handler runs."""


@dataclass(frozen=True, slots=True)
class Storing:
    """From the child: what the handler returned for this event is being executed."""

    guid: int
    handler: str


@dataclass(frozen=True, slots=True)
class Stored:
    """From the child: these events are done, and that is committed."""

    keys: list[Key]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """From the child: the lease is somebody else's. It has left the batch."""


@dataclass(frozen=True, slots=True)
class Away:
    """From the child: the database is away, or the handler says that something is. It has left the batch."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finished:
    """From the child: it begins no other event of the batch."""

    ends: bool
    """Whether the child ends now."""


Message = (
    Setup
    | Configure
    | Work
    | Try
    | Tried
    | Stop
    | Ready
    | Broken
    | Started
    | Failed
    | Queueing
    | Storing
    | Stored
    | Overtaken
    | Away
    | Finished
)
_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        Setup,
        Configure,
        Work,
        Try,
        Tried,
        Stop,
        Ready,
        Broken,
        Started,
        Failed,
        Queueing,
        Storing,
        Stored,
        Overtaken,
        Away,
        Finished,
    )
}


def encode(message: Message) -> bytes:
    """A line."""
    return orjson.dumps([type(message).__name__, message]) + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises `ValueError` for what is none."""
    try:
        name, fields = orjson.loads(line)
        if name == "Stored":
            return Stored([(guid, handler) for guid, handler in fields["keys"]])
        return _KINDS[name](**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no message: {line[:100]!r}") from error


def configure(configuration: Configuration) -> Configure:
    """The message that takes a configuration to a child."""
    sites = [
        {"site_id": site.site_id, "domain": site.domain, "settings": dict(site.settings)}
        for site in configuration.sites.values()
    ]
    return Configure(dict(configuration.settings.texts), sites)


def configured(message: Configure) -> Configuration:
    """The configuration that a child gets."""
    sites = {site["site_id"]: Site(**site) for site in message.sites}
    return Configuration(WrittenSettings(texts=message.settings), sites)


class WrittenSettings(Settings):
    """Settings of which only the texts are known: each is parsed when somebody asks for it, by its declaration."""

    def __getitem__(self, setting: Setting[T]) -> T:
        text = self.texts.get(setting.name)
        return setting.default if text is None else setting.parse(text)


def packed(items: Iterable[Item]) -> list[Mapping[str, Any]]:
    """Items as `Work` has them."""
    return [
        {
            "event": dumps(item.event).decode(),
            "attempts": item.attempts,
            "inserted_at": item.inserted_at,
            "handler": item.handler,
        }
        for item in items
    ]


def unpacked(items: Iterable[Mapping[str, Any]]) -> list[Item]:
    """The items of `Work`."""
    return [Item(**{**item, "event": loads(item["event"])}, remaining=Remaining.DELIVERY) for item in items]

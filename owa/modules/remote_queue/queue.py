"""The http queue: a spool on this server's disk, and a source that forwards what is in it before it gives it out."""

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from owa.module_api import (
    MICROSECONDS,
    REMOTE_QUEUE_KEY,
    SERVER_NUMBER,
    VERSION,
    Batch,
    Entry,
    Event,
    EventQueue,
    FileQueue,
    Forwarded,
    ModuleContext,
    Pending,
    QueueContext,
    QueueStatus,
    QueueUnavailable,
    SearchableQueue,
    SenderStatus,
    Sought,
    Source,
    dumps,
    open_files,
)
from owa.modules.remote_queue.endpoint import Endpoint, TooMuch
from owa.modules.remote_queue.health import HealthFile
from owa.modules.remote_queue.plain import PlainSender, SentInPart
from owa.modules.remote_queue.settings import ENDPOINT, FORMAT, PLAIN
from owa.modules.remote_queue.signed import SignedSender

FOLDER = "remote_queue"
"""Of the spool, in the queue files' folder."""

LARGE = 64 << 10
"""Bytes of an event that an endpoint may find too large."""

STATUS_AGE = 10
"""Seconds for which a count of the spool is good: it reads all of it."""

HEARTBEAT_INTERVAL = 30
"""Seconds without events after which the receiver is told that this server is alive."""

Sender = SignedSender | PlainSender


class RemoteQueue:
    """Events wait in the spool until the endpoint has answered for them. A visitor's request only appends to it."""

    def __init__(self, spool: EventQueue, sender: Sender, health: HealthFile) -> None:
        self._spool = spool
        self._sender = sender
        self._health = health

    def put(self, entries: Sequence[Entry]) -> None:
        self._spool.put(entries)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        with self._spool.drain(wait) as source:
            yield ForwardingSource(source, self._sender, self._health)

    def check(self) -> None:
        self._spool.check()

    def status(self) -> QueueStatus:
        return self._spool.status()

    def latest(self, count: int) -> list[Event]:
        return self._spool.latest(count)

    def find(self, guid: int, limit: int) -> Sought:
        """In the spool: what was sent is not here any more."""
        if isinstance(self._spool, SearchableQueue):
            return self._spool.find(guid, limit)
        return Sought(None, "", is_whole=False)

    def pending(self) -> Pending:
        return self._spool.pending()

    @property
    def spool(self) -> EventQueue:
        """Where its events are until they are sent."""
        return self._spool

    def probe(self) -> None:
        """Send the endpoint something that has no effect. Raises `QueueUnavailable`."""
        try:
            self._sender.probe()
        except TooMuch as error:
            raise QueueUnavailable("The endpoint answers 413 to a batch without events.") from error
        self._health.note_answer()

    def close(self) -> None:
        self._spool.close()
        self._sender.close()


class ForwardingSource:
    """The spool's reading end. What it gives out has been forwarded; refusals stay, to be counted here."""

    def __init__(self, spool: Source, sender: Sender, health: HealthFile) -> None:
        self._spool = spool
        self._sender = sender
        self._health = health
        self._sent: frozenset[int] = frozenset()

    def lease(self, limit: int) -> Batch | None:
        self._health.check_due()
        size = min(limit, self._sender.at_once)
        while batch := self._spool.lease(size):
            events = [entry for entry in batch.entries if isinstance(entry, Event)]
            try:
                forwarded = self._forward(events, repr(batch.receipts)) if events else None
            except TooMuch:
                size = len(batch.entries) // 2
                if size:
                    continue
                forwarded = self._refused_as_too_large(events[0])
            except SentInPart as part:
                self._sent = frozenset(event.guid for event in part.events)
                size = 1 + max(batch.entries.index(event) for event in part.events)
                continue
            others = tuple(entry for entry in batch.entries if not isinstance(entry, Event))
            return replace(batch, entries=others, forwarded=forwarded)
        self._beat()
        return None

    def _forward(self, events: Sequence[Event], records: str) -> Forwarded:
        """Raises `QueueUnavailable` or `TooMuch`."""
        if self._sent.issuperset(event.guid for event in events):
            return Forwarded(tuple(events), is_confirmed=False)
        try:
            forwarded = self._sender.send(events, records)
        except QueueUnavailable as outage:
            self._health.note_failure(outage)
            raise
        self._health.note_answer()
        return forwarded

    def _refused_as_too_large(self, event: Event) -> Forwarded:
        """Raises `QueueUnavailable` when the event is none that anybody would find large."""
        size = len(dumps(event))
        if size > LARGE:
            return Forwarded((), ((event, f"The endpoint takes no event of {size} bytes: it answers 413."),))
        outage = QueueUnavailable(
            f"The endpoint answers 413 to a single event of {size} bytes.",
            "Let the proxy in front of it take bodies of 5 MB, such as by client_max_body_size of nginx.",
        )
        self._health.note_failure(outage)
        raise outage

    def _beat(self) -> None:
        """Tell the receiver that this server is alive, when there was nothing to send for a while."""
        if self._sender.beats and self._health.answered_before(HEARTBEAT_INTERVAL):
            try:
                self._sender.probe()
            except QueueUnavailable as outage:
                self._health.note_failure(outage)  # nothing is kept from anywhere for it
            except TooMuch:
                self._health.note_failure(QueueUnavailable("The endpoint answers 413 to a batch without events."))
            else:
                self._health.note_answer()


def open_remote_queue(context: QueueContext | ModuleContext) -> RemoteQueue:
    """Raises `QueueUnavailable` when the spool cannot be made."""
    folder = context.folder / FOLDER
    spool = open_files(folder, context.settings, context.database, context.clock, archive=False)
    return RemoteQueue(spool, sender_of(context, spool), HealthFile(folder, context.clock))


def sender_of(context: QueueContext | ModuleContext, spool: FileQueue) -> Sender:
    """What the settings want events to be sent by."""
    settings = context.settings
    endpoint = Endpoint(settings[ENDPOINT])
    if settings[FORMAT] == PLAIN:
        return PlainSender(endpoint)
    server = settings[SERVER_NUMBER]

    counted_at, counted = 0, QueueStatus(0, None)

    def status() -> SenderStatus:
        nonlocal counted_at, counted
        if (now := context.clock.now()) - counted_at > STATUS_AGE * MICROSECONDS:
            counted_at, counted = now, spool.status()
        return SenderStatus(server, platform.node(), VERSION, context.generation(), counted.depth, counted.oldest_at)

    return SignedSender(endpoint, settings[REMOTE_QUEUE_KEY], f"{server}-{spool.identity}", status)

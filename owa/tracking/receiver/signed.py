"""Signed batches of other servers: each has its effect once, and each of its events is answered for."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any

from owa.clock import MICROSECONDS, Clock
from owa.contributions import Configuration
from owa.db import senders
from owa.db.engine import Database
from owa.db.senders import Sender
from owa.errors import DatabaseUnavailable, RecordError
from owa.events import Entry, Event, Refusal, RefusalReason, from_document, parse_identifier
from owa.exchange.answer import BatchAnswer, dump_answer
from owa.exchange.body import LONGEST_EVENT, Body, TooLarge, size_of, unpack
from owa.exchange.signature import Envelope
from owa.queues.contract import EventQueue
from owa.tracking.guids import server_of
from owa.tracking.receiver.requests import FEWER, TurnedAway

PATIENCE = 10.0
"""Seconds that a batch waits for the database. Its sender has more."""

HEARTBEAT_PATIENCE = 1.0


class SignedBatches:
    """Takes batches whose signature is right."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        find_site: Callable[[str], bool],
        accepted: Callable[[], Collection[str]],
        queue: EventQueue,
        database: Database,
        clock: Clock,
        server: int,
    ) -> None:
        """`accepted`: the event types that somebody handles. `server`: this one's number."""
        self._configuration = configuration
        self._find_site = find_site
        self._accepted = accepted
        self._queue = queue
        self._database = database
        self._clock = clock
        self._server = server

    def take(self, envelope: Envelope, data: bytes, *, is_packed: bool, address: str) -> bytes:
        """The answer to a batch, as JSON text, once its events are on the queue. A batch that has come before gets the
        answer that it got then. Raises `TurnedAway`, `QueueUnavailable` or `DatabaseUnavailable`."""
        body = _unpacked(data, is_packed=is_packed)
        self._check_loop(body)
        sender = self._sender(envelope, body, address)
        with self._database.reading() as connection:
            self._check_rival(senders.rival(connection, sender.name, sender.server), sender)
            known = senders.stored_answer(connection, envelope.sender, envelope.batch)
        if not body.events:
            return self._heartbeat(sender)
        if known is None:
            entries, answer = self._judge(body)
            self._queue.put(entries)
            known = dump_answer(answer)
        with self._database.writing(PATIENCE) as connection:
            senders.store_answer(connection, envelope.sender, envelope.batch, known, sender.seen_at)
            senders.note_sender(connection, replace(sender, events_at=sender.seen_at))
        return known

    def _heartbeat(self, sender: Sender) -> bytes:
        with suppress(DatabaseUnavailable), self._database.writing(HEARTBEAT_PATIENCE) as connection:
            senders.note_sender(connection, sender)
        return dump_answer(BatchAnswer())

    def _judge(self, body: Body) -> tuple[list[Entry], BatchAnswer]:
        entries: list[Entry] = []
        answer = BatchAnswer()
        seen: set[int | None] = set()
        for document in body.events:
            guid = _guid(document)
            if guid is not None and guid in seen:
                answer.duplicate.append(guid)
                continue
            seen.add(guid)
            entry = self._entry(document, body.status.server)
            entries.append(entry)
            if isinstance(entry, Event):
                answer.accepted.append(entry.guid)
            elif guid is not None:
                answer.refused[guid] = f"{entry.reason.value}: {entry.detail}".removesuffix(": ")
        return entries, answer

    def _entry(self, document: Any, server: int) -> Entry:
        if not isinstance(document, dict):
            return self._refusal(server, RefusalReason.MALFORMED_REQUEST, "It is no object.")
        try:
            if size_of(document) > LONGEST_EVENT:
                return self._refusal(server, RefusalReason.BODY_TOO_LONG, f"more than {LONGEST_EVENT} bytes")
            event = from_document(document)
        except RecordError as error:
            return self._refusal(server, RefusalReason.MALFORMED_REQUEST, str(error))
        if server_of(event.guid) != event.server:
            detail = f"Its guid is one of server {server_of(event.guid)}, and it says {event.server}."
            return self._refusal(server, RefusalReason.MALFORMED_REQUEST, detail)
        if event.event_type not in self._accepted():
            site_id = event.site_id if event.site_id in self._configuration().sites else ""
            return self._refusal(event.server, RefusalReason.UNKNOWN_EVENT_TYPE, event.event_type[:100], site_id)
        if not self._find_site(event.site_id):
            return self._refusal(event.server, RefusalReason.UNREGISTERED_SITE, event.site_id)
        return event

    def _refusal(self, server: int, reason: RefusalReason, detail: str, site_id: str = "") -> Refusal:
        return Refusal(reason, site_id, self._clock.now(), server, detail)

    def _check_loop(self, body: Body) -> None:
        """Raises `TurnedAway` when what comes in has been here before."""
        own = [document for document in body.events if isinstance(document, dict)]
        if body.status.server == self._server or any(document.get("server") == self._server for document in own):
            raise TurnedAway(
                "508 Loop Detected",
                f"The batch carries the number of this server, {self._server}: it has been sent in a circle, "
                "or two servers have one number.",
                "Set OWA_SERVER_NUMBER to another number on each server, and let none send its events to itself.",
                {"server": self._server},
            )

    def _check_rival(self, rival: Sender | None, sender: Sender) -> None:
        if rival is None:
            return
        ago = (sender.seen_at - rival.seen_at) // MICROSECONDS
        raise TurnedAway(
            "409 Conflict",
            f"The number {sender.server} of {sender.host or sender.name} belongs to {rival.host or 'another server'} "
            f"({rival.name}), seen {ago} s ago.",
            "Give one of them another OWA_SERVER_NUMBER; if one replaces the other, forget that at Settings > Senders.",
            {"server": sender.server, "rival": rival.name},
        )

    def _sender(self, envelope: Envelope, body: Body, address: str) -> Sender:
        now, status = self._clock.now(), body.status
        return Sender(
            name=envelope.sender,
            server=status.server,
            host=status.host,
            address=address,
            version=status.version[:64],
            generation=status.generation,
            depth=status.depth,
            oldest_at=status.oldest_at,
            skew=now - int(envelope.time) * MICROSECONDS,
            seen_at=now,
            events_at=None,
        )


def _unpacked(data: bytes, *, is_packed: bool) -> Body:
    try:
        return unpack(data, is_packed=is_packed)
    except TooLarge as error:
        raise TurnedAway("413 Content Too Large", str(error), FEWER) from error
    except RecordError as error:
        raise TurnedAway("400 Bad Request", f"The batch cannot be read: {error}") from error


def _guid(document: Any) -> int | None:
    guid = document.get("guid") if isinstance(document, dict) else None
    return parse_identifier(guid) if isinstance(guid, str) else None

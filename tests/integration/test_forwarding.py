"""What the forwarder does when the other end, or the way to it, is not well: nothing is lost, the reason is told, and
it goes on by itself."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from owa.clock import FixedClock
from owa.contributions import INCOMING, QueueContext
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.errors import QueueUnavailable
from owa.exchange.body import unpack
from owa.exchange.settings import REMOTE_QUEUE_KEY, SERVER_NUMBER
from owa.modules.remote_queue import endpoint
from owa.modules.remote_queue.checks import check_endpoint
from owa.modules.remote_queue.health import LONGEST_PAUSE, read_health
from owa.modules.remote_queue.queue import FOLDER, HEARTBEAT_INTERVAL, STATUS_AGE, RemoteQueue, open_remote_queue
from owa.modules.remote_queue.settings import ENDPOINT, FORMAT
from owa.queues.contract import Batch
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY
from owa.settings import Settings
from tests.factories import NOON, make_event

Respond = Callable[["Handler", list[Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says."""

    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        batch = unpack(body, is_packed=True)
        events = list(batch.events)
        self.server.depths.append(batch.status.depth)
        self.server.batches.append((self.headers["OWA-Batch"], len(events)))
        self.server.respond(self, events)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is printed."""


class Receiver(ThreadingHTTPServer):
    daemon_threads = True
    respond: Respond

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.batches: list[tuple[str, int]] = []
        self.depths: list[int] = []
        self.respond = accept


def accept(handler: Handler, events: list[Any]) -> None:
    accepted = [event["guid"] for event in events]
    handler.answer(200, json.dumps({"accepted": accepted, "duplicate": [], "refused": []}).encode())


def told(status: int, **fields: Any) -> Respond:
    """Answer with a status, and JSON as `queue.php` does."""
    return lambda handler, _events: handler.answer(status, json.dumps(fields).encode())


def half(handler: Handler, events: list[Any]) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"accepted": [')


def all_but_one(handler: Handler, events: list[Any]) -> None:
    accept(handler, events[1:])


def hang(handler: Handler, _events: list[Any]) -> None:
    handler.server.hung.wait(30)  # type: ignore[attr-defined]


def redirect(handler: Handler, _events: list[Any]) -> None:
    handler.answer(301, Location="https://elsewhere.example/queue.php")


@dataclass
class Forwarding:
    """A remote queue with a receiver of the test's."""

    receiver: Receiver
    context: QueueContext
    clock: FixedClock
    queues: list[RemoteQueue] = field(default_factory=list)

    def queue(self, **values: str) -> RemoteQueue:
        given = {**self.context.settings.values, **values}
        context = QueueContext(INCOMING, Settings(given), self.context.database, self.clock, self.context.folder)
        self.queues.append(open_remote_queue(context))
        return self.queues[-1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.server_address[1]}/queue.php"


@pytest.fixture
def forwarding(tmp_path: Path) -> Iterator[Forwarding]:
    database, clock = Database(f"sqlite:///{tmp_path / 'owa.db'}"), FixedClock(NOON)
    with database.writing() as connection:
        METADATA.create_all(connection)
    with Receiver() as receiver:
        receiver.hung = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        values = {
            ENDPOINT.name: f"http://127.0.0.1:{receiver.server_address[1]}/queue.php",
            FORMAT.name: "signed",
            REMOTE_QUEUE_KEY.name: "a key of sixteen characters, or more",
            SERVER_NUMBER.name: 7,
            DURABILITY.name: "os",
            ARCHIVE_OLD_EVENTS.name: True,
        }
        found = Forwarding(receiver, QueueContext(INCOMING, Settings(values), database, clock, tmp_path), clock)
        yield found
        receiver.hung.set()  # type: ignore[attr-defined]
        for queue in found.queues:
            queue.close()
        receiver.shutdown()
    database.close()


def forward(queue: RemoteQueue, database: Database, limit: int = 1_000) -> list[int]:
    """Forward all that there is; returns the guids that were answered for."""
    found: list[int] = []
    with queue.drain() as source:
        while batch := source.lease(limit):
            settle(batch, database)
            assert batch.forwarded
            found += [event.guid for event in batch.forwarded.events]
    return found


def settle(batch: Batch, database: Database) -> None:
    with database.writing() as connection:
        batch.acknowledge(connection)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (told(500), "answers 500"),
        (told(503, error="It cannot be kept: the disk is full.", remedy="Free some."), "the disk is full"),
        (told(401, error="The signature is wrong.", remedy="One key."), "The signature is wrong"),
        (told(401, error="It is late.", remedy="", time=1), "This server's clock is"),
        (told(404, error="This server takes no events of other servers."), "takes no events"),
        (told(409, error="The number 7 belongs to web1."), "belongs to web1"),
        (told(508, error="In a circle."), "In a circle"),
        (told(413), "answers 413 to a single event"),
        (told(200), "not as queue.php does"),
        (lambda handler, _events: handler.answer(200, b"<html>"), "not as queue.php does"),
        (redirect, "redirects to https://elsewhere.example"),
        (half, "queue.php"),
        (all_but_one, "does not say what became of 1 of"),
        (lambda handler, _events: handler.connection.close(), "cannot be reached"),
    ],
    ids=range(14),
)
def test_nothing_is_lost_the_reason_is_told_and_it_goes_on(
    forwarding: Forwarding, respond: Respond, reason: str
) -> None:
    queue, database = forwarding.queue(), forwarding.context.database
    events = [make_event(guid=NOON + number, server=7) for number in range(3)]
    queue.put(events)
    forwarding.receiver.respond = respond
    with pytest.raises(QueueUnavailable) as outage:
        forward(queue, database)
    assert reason in str(outage.value)
    assert queue.status().depth == len(events)
    assert reason in str(read_health(forwarding.context.folder / FOLDER).error)
    forwarding.receiver.respond = accept
    forwarding.clock.move(LONGEST_PAUSE)
    assert forward(queue, database) == [event.guid for event in events]
    assert queue.status().depth == 0
    assert read_health(forwarding.context.folder / FOLDER).error == ""


def test_a_certificate_that_is_none_and_a_port_that_is_closed(forwarding: Forwarding) -> None:
    database = forwarding.context.database
    for url, reason in (
        (forwarding.url.replace("http:", "https:"), "certificate"),
        ("http://127.0.0.1:9/queue.php", "cannot be reached"),
    ):
        queue = forwarding.queue(**{ENDPOINT.name: url})
        queue.put([make_event(server=7)])
        with pytest.raises(QueueUnavailable, match=reason):
            forward(queue, database)
        queue.close()
    assert forward(forwarding.queue(), database) == [make_event().guid] * 2


def test_one_that_does_not_answer_is_left_after_a_while(
    forwarding: Forwarding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_TIMEOUT", 0.2)
    queue = forwarding.queue()
    queue.put([make_event(server=7)])
    forwarding.receiver.respond = hang
    with pytest.raises(QueueUnavailable, match="does not answer in time"):
        forward(queue, forwarding.context.database)
    assert queue.status().depth == 1


def test_a_batch_has_the_same_name_at_each_try_and_a_retried_event_another(forwarding: Forwarding) -> None:
    queue, database = forwarding.queue(), forwarding.context.database
    queue.put([make_event(server=7)])
    forwarding.receiver.respond = told(500)
    for _ in range(2):
        with pytest.raises(QueueUnavailable):
            forward(queue, database)
        forwarding.clock.move(LONGEST_PAUSE)
    forwarding.receiver.respond = accept
    forward(queue, database)
    queue.put([make_event(server=7)])
    forward(queue, database)
    first, second, third, fourth = (name for name, count in forwarding.receiver.batches if count)
    assert first == second == third != fourth


def test_what_is_too_much_is_sent_in_halves_and_only_a_large_event_is_refused(forwarding: Forwarding) -> None:
    queue, database = forwarding.queue(), forwarding.context.database
    large = make_event(guid=NOON + 100, server=7, properties={"page_title": "x" * 100_000})
    small = [make_event(guid=NOON + number, server=7) for number in range(5)]
    queue.put([*small, large])

    def picky(handler: Handler, events: list[Any]) -> None:
        too_much = len(events) > 2 or any(len(str(event)) > 50_000 for event in events)
        (told(413) if too_much else accept)(handler, events)

    forwarding.receiver.respond = picky
    refused = []
    with queue.drain() as source:
        while batch := source.lease(1_000):
            settle(batch, database)
            assert batch.forwarded
            refused += [event.guid for event, _reason in batch.forwarded.refused]
    assert refused == [large.guid]
    assert queue.status().depth == 0


def test_the_pauses_between_tries_grow_and_end_with_the_outage(forwarding: Forwarding) -> None:
    queue, database = forwarding.queue(), forwarding.context.database
    queue.put([make_event(server=7)])
    forwarding.receiver.respond = told(500)
    for _ in range(100):
        with pytest.raises(QueueUnavailable):
            forward(queue, database)
        forwarding.clock.move(1)
    assert 5 <= len(forwarding.receiver.batches) <= 8  # after 1, 2, 4, … seconds
    assert read_health(forwarding.context.folder / FOLDER).tries == len(forwarding.receiver.batches)
    assert check_endpoint(forwarding.context) is not None  # type: ignore[arg-type]


def test_a_sign_of_life_is_sent_when_there_is_nothing_to_send(forwarding: Forwarding) -> None:
    queue, database = forwarding.queue(), forwarding.context.database
    forward(queue, database)
    forward(queue, database)
    assert [count for _name, count in forwarding.receiver.batches] == [0]
    forwarding.clock.move(HEARTBEAT_INTERVAL + 1)
    forward(queue, database)
    assert len(forwarding.receiver.batches) == 2


def test_without_a_key_nothing_is_sent(forwarding: Forwarding) -> None:
    queue = forwarding.queue(**{REMOTE_QUEUE_KEY.name: ""})
    queue.put([make_event(server=7)])
    with pytest.raises(QueueUnavailable, match="No key is set"):
        forward(queue, forwarding.context.database)
    assert forwarding.receiver.batches == []


def test_the_spool_is_counted_now_and_then_and_not_for_each_batch(forwarding: Forwarding) -> None:
    """Counting reads all of it."""
    queue, database = forwarding.queue(), forwarding.context.database
    queue.put([make_event(guid=NOON + number, server=7) for number in range(3)])
    forward(queue, database, limit=1)
    forwarding.clock.move(STATUS_AGE + 1)
    queue.put([make_event(guid=NOON + 9, server=7)])
    forward(queue, database, limit=1)
    assert forwarding.receiver.depths == [3, 3, 3, 1]

"""`queue.php`: signed batches of other servers, and single events of a plain OWA."""

import gzip
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from owa.app import Installation, open_installation
from owa.clock import MICROSECONDS, FixedClock
from owa.db.configuration import add_site, site_id_of
from owa.db.migrate import upgrade
from owa.db.senders import ANSWERS_AGE, senders
from owa.events import Event, Refusal, to_document
from owa.exchange.answer import load_answer
from owa.exchange.body import LONGEST, LONGEST_UNPACKED, MOST_EVENTS, SenderStatus, name_of, pack
from owa.exchange.signature import WINDOW, Envelope
from owa.processing import cleaning
from owa.views import make_wsgi_app
from tests.factories import NOON, make_event
from tests.servers import DOMAIN, FIXTURES

KEY, OLD_KEY = "a key of sixteen+ characters", "the key that was used before"
OWN_NUMBER, SENDERS_NUMBER = 1, 7
STATUS = SenderStatus(SENDERS_NUMBER, host="web1", version="0.1", generation=3, depth=2, oldest_at=NOON)
packed = partial(gzip.compress, mtime=0)

SAMPLES_SITE = "c8ff781bf277f1376b21a5878b85b45d"


class Receiving:
    """An instance that takes what others send."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.clock = FixedClock(NOON)
        given = {"OWA_DATA_DIR": str(folder), "OWA_SCHEDULER": "0", "OWA_SERVER_NUMBER": str(OWN_NUMBER)}
        self.installation: Installation = open_installation({**given, **environment}, {}, self.clock)
        upgrade(self.installation.database)
        with self.installation.database.writing() as connection:
            add_site(connection, "http://shop.example")
            add_site(connection, DOMAIN)
        self.site_id = site_id_of("http://shop.example")
        self.installation.configuration.signal_change()
        self.router = make_wsgi_app(self.installation)
        self.client = TestApp(self.router, {"REMOTE_ADDR": "203.0.113.20"})

    def event(self, number: int = 1, **changes: Any) -> Event:
        guid = NOON * 1000 + SENDERS_NUMBER * 1_000_000 + number
        return make_event(**{"guid": guid, "site_id": self.site_id, "server": SENDERS_NUMBER, **changes})

    def post(
        self,
        body: bytes,
        *,
        key: str = KEY,
        sender: str = "7-web1",
        batch: str = "b1",
        at: int | None = None,
        **headers: str,
    ) -> TestResponse:
        envelope = Envelope(sender, batch, str((self.clock.now() // MICROSECONDS) if at is None else at))
        signed = envelope.headers(key, body)
        sent = {"Content-Type": "application/json", "Content-Encoding": "gzip", **signed, **headers}
        return self.client.post("/queue.php", body, headers=sent, expect_errors=True)

    def send(self, *events: Event, status: SenderStatus = STATUS, **changes: Any) -> TestResponse:
        return self.post(pack(status, events), **{"batch": name_of(events), **changes})

    def queued(self) -> list[Event | Refusal]:
        with self.installation.incoming.drain() as source:
            batch = source.lease(100_000)
            return list(batch.entries) if batch else []


@pytest.fixture
def receiving(tmp_path: Path) -> Iterator[Receiving]:
    found = Receiving(tmp_path, OWA_REMOTE_QUEUE_KEY=KEY, OWA_REMOTE_QUEUE_OLD_KEY=OLD_KEY)
    yield found
    found.router.registry["owa"].stop()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Receiving]:
    found = Receiving(tmp_path, OWA_QUEUE_ACCEPT_PLAIN_FROM="203.0.113.0/24")
    yield found
    found.router.registry["owa"].stop()


def test_events_are_queued_as_they_were_taken(receiving: Receiving) -> None:
    sent = [receiving.event(1), receiving.event(2, properties={"page_title": "Grüße \u2603", "ip_address": "8.8.8.8"})]
    answer = receiving.send(*sent)
    assert answer.status_int == 200
    assert load_answer(answer.body).accepted == [event.guid for event in sent]
    assert receiving.queued() == sent


@pytest.mark.parametrize("mode", ["0", "1"])
def test_they_are_queued_in_either_mode(tmp_path: Path, mode: str) -> None:
    receiving = Receiving(tmp_path, OWA_REMOTE_QUEUE_KEY=KEY, OWA_QUEUE_EVENTS=mode)
    receiving.send(receiving.event())
    assert receiving.queued() == [receiving.event()]
    receiving.router.registry["owa"].stop()


def test_a_batch_that_is_sent_again_has_no_effect_and_the_same_answer(receiving: Receiving) -> None:
    first = receiving.send(receiving.event())
    receiving.clock.move(60)
    again = receiving.send(receiving.event())
    replayed = receiving.send(receiving.event(), at=NOON // MICROSECONDS)
    assert first.body == again.body == replayed.body
    assert len(receiving.queued()) == 1


def test_answers_are_forgotten_after_a_week(receiving: Receiving) -> None:
    opened = receiving.installation
    receiving.send(receiving.event())
    for age, forgotten in ((ANSWERS_AGE - 1, 0), (2, 1)):
        receiving.clock.move(age)
        figures = cleaning.clean(opened.database, opened.retries, receiving.clock.now(), ANSWERS_AGE, 7)
        assert figures["answers"] == forgotten


def test_its_answer_is_kept_when_the_configuration_has_changed(receiving: Receiving) -> None:
    batch = receiving.event(site_id="unknown")
    first = receiving.send(batch)
    assert load_answer(first.body).refused == {batch.guid: "unregistered_site: unknown"}
    assert [entry for entry in receiving.queued() if isinstance(entry, Event)] == []


def test_an_event_twice_in_a_batch_is_answered_as_duplicate(receiving: Receiving) -> None:
    answer = load_answer(receiving.send(receiving.event(), receiving.event()).body)
    assert (len(answer.accepted), len(answer.duplicate)) == (1, 1)
    assert len(receiving.queued()) == 1


def test_each_refused_event_is_named_and_counted(receiving: Receiving) -> None:
    good, wrong = receiving.event(1), receiving.event(2, event_type="no.such")
    broken = to_document(receiving.event(3)) | {"visitor": "abc"}
    large = to_document(receiving.event(4)) | {"properties": {"page_title": "x" * 300_000}}
    status = {"server": SENDERS_NUMBER}
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    nested = to_document(receiving.event(5)) | {"properties": {"cv": deep}}
    foreign = to_document(receiving.event(6)) | {"server": 8}
    documents = [to_document(good), to_document(wrong), broken, large, nested, foreign, "no object", {"guid": 5}]
    body = packed(json.dumps({"v": 1, "status": status, "events": documents}).encode())
    answer = load_answer(receiving.post(body).body)
    assert answer.accepted == [good.guid]
    assert {guid: reason.partition(":")[0] for guid, reason in answer.refused.items()} == {
        wrong.guid: "unknown_event_type",
        int(broken["guid"]): "malformed_request",
        int(large["guid"]): "body_too_long",
        int(nested["guid"]): "malformed_request",
        int(foreign["guid"]): "malformed_request",
    }
    assert sum(isinstance(entry, Refusal) for entry in receiving.queued()) == 7


def test_both_keys_count_while_they_are_changed(receiving: Receiving) -> None:
    assert receiving.send(receiving.event(1), key=OLD_KEY).status_int == 200
    assert receiving.send(receiving.event(2), key=KEY).status_int == 200
    assert receiving.send(receiving.event(3), key="another key, of nobody").status_int == 401


@pytest.mark.parametrize("late", [WINDOW + 1, -WINDOW - 1])
def test_an_old_batch_is_told_the_time(receiving: Receiving, late: int) -> None:
    answer = receiving.send(receiving.event(), at=NOON // MICROSECONDS + late)
    assert (answer.status_int, answer.json["time"]) == (401, NOON // MICROSECONDS)
    assert receiving.queued() == []


@pytest.mark.parametrize("header", ["OWA-Sender", "OWA-Batch", "OWA-Time", "OWA-Signature"])
@pytest.mark.parametrize("value", ["", "1", "é", "x" * 200])
def test_what_the_signature_covers_cannot_be_changed(receiving: Receiving, header: str, value: str) -> None:
    changed: Any = {header: value}
    answer = receiving.send(receiving.event(), **changed)
    assert answer.status_int == 401
    assert receiving.queued() == []


def test_a_body_that_was_changed_is_turned_away(receiving: Receiving) -> None:
    body = pack(STATUS, [receiving.event()])
    headers: Any = Envelope("7-web1", "b1", str(NOON // MICROSECONDS)).headers(KEY, body)
    answer = receiving.post(body + b"x", **headers)
    assert answer.status_int == 401


def test_an_unsigned_batch_is_turned_away(receiving: Receiving) -> None:
    assert receiving.client.post("/queue.php", b"{}", expect_errors=True).status_int == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no gzip", 400),
        (packed(b"no json"), 400),
        (packed(b"[]"), 400),
        (packed(b'{"v": 2, "events": []}'), 400),
        (packed(b'{"v": 1, "events": {}}'), 400),
        (packed(b'{"v": 1, "events": []}'), 400),
        (packed(b'{"v": 1, "status": {"server": 1000}, "events": []}'), 400),
        (packed(b'{"v": 1, "status": {"server": true}, "events": []}'), 400),
        (packed(b'{"v": 1, "status": {"server": 7}, "events": []}')[:-4], 400),
        (packed(b'{"v": 1, "status": {"server": 7}, "events": []}') + b"more", 400),
        (packed(b'{"v": 1, "events":' + b"[" * 100_000), 400),
        (packed(bytes(LONGEST_UNPACKED + 1)), 413),
        (bytes(LONGEST + 1), 413),
        (packed(b'{"v":1,"status":{"server":7},"events":[' + b"1," * MOST_EVENTS + b"1]}"), 413),
    ],
    ids=range(14),
)
def test_a_batch_that_cannot_be_read_is_explained(receiving: Receiving, body: bytes, status: int) -> None:
    answer = receiving.post(body)
    assert answer.status_int == status
    assert answer.json["error"]
    assert receiving.queued() == []


def test_own_number_means_a_circle(receiving: Receiving) -> None:
    by_sender = receiving.send(receiving.event(), status=SenderStatus(OWN_NUMBER))
    by_event = receiving.send(receiving.event(server=OWN_NUMBER))
    assert (by_sender.status_int, by_event.status_int) == (508, 508)
    assert "OWA_SERVER_NUMBER" in by_event.json["remedy"]
    assert receiving.queued() == []


def test_of_two_senders_with_one_number_the_second_is_named(receiving: Receiving) -> None:
    receiving.send(receiving.event(1))
    answer = receiving.send(receiving.event(2), sender="7-web2", status=SenderStatus(SENDERS_NUMBER, host="web2"))
    assert answer.status_int == 409
    assert "web1" in answer.json["error"]
    assert "web2" in answer.json["error"]
    assert receiving.send(receiving.event(3)).status_int == 200


def test_how_a_sender_is_rides_on_its_batches(receiving: Receiving) -> None:
    receiving.send(status=STATUS)
    with receiving.installation.database.reading() as connection:
        (beaten,) = senders(connection)
    receiving.send(receiving.event(), at=NOON // MICROSECONDS - 20)
    with receiving.installation.database.reading() as connection:
        (found,) = senders(connection)
    assert (beaten.depth, beaten.events_at, beaten.seen_at) == (2, None, NOON)
    assert (found.host, found.server, found.skew, found.events_at) == ("web1", 7, 20 * MICROSECONDS, NOON)
    assert receiving.queued() == [receiving.event()]


def test_without_key_and_plain_senders_there_is_nothing(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)
    assert receiving.send(receiving.event()).status_int == 404
    receiving.router.registry["owa"].stop()


def test_only_post_brings_events(receiving: Receiving) -> None:
    answer = receiving.client.get("/queue.php", expect_errors=True)
    assert (answer.status_int, answer.headers["Allow"]) == (405, "POST")


def test_what_cannot_be_kept_is_to_be_sent_again(receiving: Receiving) -> None:
    receiving.installation.queue_dir.joinpath("events.txt").mkdir()
    answer = receiving.send(receiving.event())
    assert (answer.status_int, "Retry-After" in answer.headers) == (503, True)
    receiving.installation.queue_dir.joinpath("events.txt").rmdir()
    assert receiving.send(receiving.event()).status_int == 200
    assert receiving.queued() == [receiving.event()]


def body_of(sample: str) -> bytes:
    return (FIXTURES / sample).read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[2]


PLAIN = {
    "remote_queue_page_view.http": ("base.page_request", 1795289660_970106, "203.0.113.9"),
    "remote_queue_transaction.http": ("ecommerce.transaction", 1795289662_014861, "(not set)"),
}


@pytest.mark.parametrize("sample", PLAIN)
def test_samples_of_a_plain_owa(plain: Receiving, sample: str) -> None:
    plain.clock.move(10**6)  # the samples are of another day
    answer = plain.client.post("/queue.php", body_of(sample), expect_errors=True)
    assert (answer.status_int, answer.body) == (200, b"")
    (entry,) = plain.queued()
    assert isinstance(entry, Event)
    assert entry.site_id == SAMPLES_SITE
    assert (entry.event_type, entry.received_at, entry.properties["ip_address"]) == PLAIN[sample]
    assert entry.server == OWN_NUMBER
    assert entry.guid not in (1795289660649049239, 1795289662492768239)
    if entry.event_type == "ecommerce.transaction":
        assert entry.properties["ct_line_items"]["1"]["li_sku"] == "SKU2"
    assert not {"guid", "status", "receive_count", "microtime"} & entry.properties.keys()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"owa_event=1",
        b"owa_event%5BeventType%5D=base.page_request",
        body_of("remote_queue_page_view.http").replace(b"owa_event%5Bguid%5D=1", b"owa_event%5Bguid%5D=x"),
        body_of("remote_queue_page_view.http").replace(b"owa_event%5Btimestamp%5D=1", b"owa_event%5Btimestamp%5D=9"),
        body_of("remote_queue_page_view.http").replace(b"c8ff781bf277f", b"0000000000000"),
        body_of("remote_queue_page_view.http").replace(b"=base.page_request", b"=base.sql"),
    ],
)
def test_what_a_plain_owa_sends_wrongly_is_counted(plain: Receiving, body: bytes) -> None:
    plain.clock.move(10**6)
    answer = plain.client.post("/queue.php", body, expect_errors=True)
    assert (answer.status_int, answer.body) == (200, b"")
    assert [isinstance(entry, Refusal) for entry in plain.queued()] == [True]


def test_a_plain_owa_is_believed_from_its_addresses_only(plain: Receiving) -> None:
    sent = body_of("remote_queue_page_view.http")
    answer = plain.client.post("/queue.php", sent, extra_environ={"REMOTE_ADDR": "203.0.114.1"}, expect_errors=True)
    assert answer.status_int == 401
    assert plain.queued() == []


def test_more_than_a_plain_owa_sends_is_too_large(plain: Receiving) -> None:
    answer = plain.client.post("/queue.php", b"owa_event=" + b"x" * 70_000, expect_errors=True)
    assert answer.status_int == 413

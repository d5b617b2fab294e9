"""The webhook posts what was processed, whatever its receiver does, and keeps nobody waiting."""

import hmac
from hashlib import sha256

import pytest

from owa.events import Event, loads
from tests.admin import Visitor
from tests.receiving import Receiver
from tests.servers import Install, Installation, Server, page_view

SECRET = "a secret"


@pytest.fixture
def installation(install: Install, receiver: Receiver) -> Installation:
    """It is drained by nobody but the test; the webhook is on."""
    opened = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_WEBHOOK_URL=receiver.url, OWA_WEBHOOK_SECRET=SECRET)
    assert opened.cli("cmd=activate", "module=webhook").status == 0
    return opened


def track(server: Server, count: int = 1, **parameters: str) -> list[int]:
    """Send events that must be taken; returns their session ids."""
    views = [page_view(**parameters) for _ in range(count)]
    assert {server.track(view).status for view in views} == {204}
    return [int(view["owa_session_id"]) for view in views]


def posted(receiver: Receiver) -> list[Event]:
    """What it has got since it was asked the last time, all of it signed."""
    got, receiver.got = receiver.got, []
    for headers, body in got:
        assert headers["X-OWA-Signature"] == "sha256=" + hmac.new(SECRET.encode(), body, sha256).hexdigest()
    return [loads(body) for _headers, body in got]


def sessions(events: list[Event]) -> list[int]:
    return sorted(event.session_id for event in events)


def test_what_was_processed_is_posted_once_and_signed(
    installation: Installation, server: Server, receiver: Receiver
) -> None:
    sent = track(server, 3)
    track(server, site_id="nobody's")  # it is refused, and counted
    assert posted(receiver) == []  # it is queued, not processed
    installation.drain()
    events = posted(receiver)
    assert sessions(events) == sent
    rows = installation.query("SELECT id, session_id FROM owa_request")
    assert {(event.guid, event.session_id) for event in events} == {(row["id"], row["session_id"]) for row in rows}
    assert installation.cli("cmd=processEventQueue", "retry=now").status == 0
    assert posted(receiver) == []


def test_with_its_receiver_away_events_are_processed_and_posted_later(
    installation: Installation, server: Server, receiver: Receiver
) -> None:
    sent = track(server, 3)
    receiver.status = 503
    done = installation.cli("cmd=processEventQueue")
    assert f"{receiver.url} answers 503" in done.err
    assert len(installation.query("SELECT id FROM owa_request")) == 3
    assert len(posted(receiver)) == 1  # the others need not try
    (failing,) = installation.query("SELECT sum(failed_attempt_count) AS attempts FROM owa_queue_item")
    assert failing["attempts"] == 0
    receiver.status = 204
    sent += track(server)
    installation.drain()
    assert sessions(posted(receiver)) == sent


def test_what_its_receiver_refuses_is_tried_again(
    installation: Installation, server: Server, receiver: Receiver
) -> None:
    sent = track(server, 2)
    receiver.status = 400
    assert installation.cli("cmd=processEventQueue").err == ""
    assert sessions(posted(receiver)) == sent
    assert installation.status()["queues"]["processing"]["retrying"] == 2
    receiver.status = 204
    assert installation.cli("cmd=processEventQueue", "retry=now").status == 0
    assert sessions(posted(receiver)) == sent
    assert installation.cli("cmd=verify-ledger").status == 0


def test_it_posts_the_types_that_the_form_says(installation: Installation, admin: Visitor, receiver: Receiver) -> None:
    """Also one that nobody else knows: it is taken from then on, and was refused before."""
    page = "/admin/settings/modules/webhook"
    track(admin.server, event_type="shop.basket")
    admin.send(page, admin.form(page, "webhook.eventTypes") | {"webhook.eventTypes": "shop.basket"})
    (basket,) = track(admin.server, event_type="shop.basket")
    track(admin.server)
    installation.drain()
    (event,) = posted(receiver)
    assert (event.event_type, event.session_id) == ("shop.basket", basket)

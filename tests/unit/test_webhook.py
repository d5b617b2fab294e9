"""What the webhook sends, and what it makes of the answers."""

import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest

from owa.admin_contributions import ModuleContext
from owa.clock import FixedClock
from owa.db.engine import Database
from owa.errors import Outage, UsageError
from owa.events import loads
from owa.modules.webhook import send_test
from owa.modules.webhook.message import post
from owa.modules.webhook.settings import SETTINGS, URL
from owa.settings import Settings, resolve
from tests.factories import NOON
from tests.page_views import page_view
from tests.receiving import Receiver

EVENT = page_view(1, first=True)


def settings(url: str, secret: str = "") -> Settings:
    return resolve(SETTINGS, environment={"OWA_WEBHOOK_URL": url, "OWA_WEBHOOK_SECRET": secret})


def test_an_event_is_posted_as_json_and_signed(receiver: Receiver) -> None:
    assert post(EVENT, settings(receiver.url, "a secret")) == 204
    ((headers, body),) = receiver.got
    assert loads(body) == EVENT
    assert headers["Content-Type"] == "application/json"
    assert headers["X-OWA-Event"] == EVENT.event_type
    assert headers["X-OWA-Signature"] == "sha256=" + hmac.new(b"a secret", body, sha256).hexdigest()


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    post(EVENT, settings(receiver.url))
    assert receiver.got[0][0]["X-OWA-Signature"] is None


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_receiver_that_cannot_now_is_an_outage(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(Outage, match=f"answers {status}"):
        post(EVENT, settings(receiver.url))


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_receiver_that_refuses_is_told(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(UsageError, match=f"answers {status}.*Mend the address or the secret"):
        post(EVENT, settings(receiver.url))


def test_redirections_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.location = 307, receiver.url + "/elsewhere"
    with pytest.raises(UsageError, match="answers 307"):
        post(EVENT, settings(receiver.url))
    assert len(receiver.got) == 1


def test_nobody_there_is_an_outage(receiver: Receiver) -> None:
    nowhere = "http://127.0.0.1:9/"
    with pytest.raises(Outage, match="does not answer"):
        post(EVENT, settings(nowhere))


def test_the_test_message_says_that_it_is_one(receiver: Receiver, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    context = ModuleContext(settings(receiver.url, "a secret"), database, FixedClock(NOON), tmp_path, lambda: 0)
    told = send_test(context)
    assert told == f"{receiver.url} has taken the message: it answers 204."
    document = json.loads(receiver.got[0][1])
    assert document["type"] == "webhook.test"
    assert loads(receiver.got[0][1]).properties == {"message": "This is a test of OWA's webhook."}


@pytest.mark.parametrize("url", ["", "https://example.org/hook", "http://10.0.0.1:8080", "http://[::1]/"])
def test_addresses_that_are_taken(url: str) -> None:
    assert URL.parse(url) == url


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "file:///etc/passwd", "http://", "http://a:b", "x"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="wants an address such as"):
        URL.parse(url)

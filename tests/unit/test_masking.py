"""What belongs to a person is hidden; that there is something, and about how much, is not."""

import json

import pytest

from owa.masking import is_personal, mask, masked_payload, masked_text, masked_value


def test_a_mask_tells_about_how_long_it_was() -> None:
    lengths = [len(mask("x" * length)) for length in (0, 1, 8, 9, 32, 33, 128, 129, 10_000)]
    assert lengths == [0, 3, 3, 6, 6, 9, 9, 12, 12]


@pytest.mark.parametrize(
    "name", ["ip_address", "user_name", "user_email", "HTTP_COOKIE", "owa_user_email", "user_id", "Email"]
)
def test_personal_names(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize("name", ["page_title", "HTTP_HOST", "user_agent", "site_id", "guid"])
def test_other_names(name: str) -> None:
    assert not is_personal(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.example/p?mail=x&b=2", "http://a.example/p?••••••"),
        ("http://a.example/#token=" + "x" * 40, "http://a.example/#•••••••••"),
        ("refused for ann@shop.example.", "refused for ••••••."),
        ("from 192.0.2.17, port 80", "from ••••••, port 80"),
        ("from 2001:db8::17 now", "from •••••• now"),
        ("line 12 at 12:30:45 of 1.2.3", "line 12 at 12:30:45 of 1.2.3"),
        ("is it? yes", "is it? yes"),
        ("http://10.0.0.7:80/queue.php does not answer", "http://10.0.0.7:80/queue.php does not answer"),
        ("http://[::1]:80/queue.php says no", "http://[::1]:80/queue.php says no"),
    ],
)
def test_texts_that_quote_an_event(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_values_however_deep_they_are() -> None:
    given = {"a": [{"user_name": "Ann", "x": "http://a.example/?q=1"}, "ann@a.example"], "cookies": {"k": "v"}, "n": 7}
    shown = {"a": [{"user_name": "•••", "x": "http://a.example/?•••"}, "••••••"], "cookies": "••••••", "n": 7}
    assert masked_value("", given) == shown
    assert masked_value("ip_address", 5) == "•••"
    assert masked_value("ip_address", "") == ""
    assert masked_value("user_name", None) is None


def test_payloads() -> None:
    payload = json.dumps({"properties": {"ip_address": "192.0.2.17", "page_title": "Start"}}).encode()
    assert json.loads(masked_payload(payload)) == {"properties": {"ip_address": "••••••", "page_title": "Start"}}
    assert masked_payload(b"\xff ann@a.example") == "\ufffd ••••••".encode()
    assert masked_payload(b"[" * 100_000).startswith(b"[")
    assert b"\\ud800" in masked_payload(b'"\\ud800"') or masked_payload(b'"\\ud800"')

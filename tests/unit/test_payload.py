"""Payloads, as a person reads them."""

import json

import pytest

from owa.events import dumps
from owa.queues.testing.samples import AWKWARD_TEXTS, sample_event
from owa.views.payload import LONGEST, pretty


@pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
def test_the_whole_payload_is_the_event(text: str) -> None:
    payload = dumps(sample_event(0, text))
    shown, has_cut = pretty(payload, whole=True)
    assert not has_cut
    assert json.loads(shown) == json.loads(payload)


def test_long_values_are_cut_however_deep_they_are() -> None:
    payload = json.dumps({"a": ["x" * LONGEST, {"b": "y" * (LONGEST + 1), "z" * 5_000: 1.5}]}).encode()
    shown, has_cut = pretty(payload, whole=False)
    assert has_cut
    assert '"' + "x" * LONGEST + '"' in shown
    assert f"y… ({LONGEST + 1} characters)" in shown
    assert "z" * (LONGEST + 1) not in shown
    assert pretty(b'{"a": "x"}', whole=False)[1] is False


@pytest.mark.parametrize("payload", [b"", b"\xff\x00", b"{", b"[" * 100_000, b'"\\ud800"', b"nul"])
def test_anything_can_be_shown(payload: bytes) -> None:
    shown, _ = pretty(payload, whole=False)
    assert len(shown) < LONGEST + 100
    shown.encode()

"""Errors that differ only in what they quote are the same."""

import pytest

from owa.fingerprints import LONGEST, fingerprint, pattern_of

SAME = [
    ("KeyError: 'page_url'", 'KeyError: "title"', "KeyError: <quoted>"),
    ("no row 17 of 1,000.5", "no row 3 of 2", "no row <number> of <number>"),
    ("to 10.0.0.1 refused", "to 192.168.10.255 refused", "to <ip> refused"),
    ("to [2001:db8::1] refused", "to fe80::1:2 refused", "to <ip> refused"),
    ("at https://a.example/x?y=1 failed", "at http://b.example failed", "at <url> failed"),
    ("for ann@shop.example", "for bob.b@mail.example.org", "for <mail>"),
    (
        "id 123e4567-e89b-12d3-a456-426614174000 gone",
        "id 00000000-0000-0000-0000-000000000000 gone",
        "id <uuid> gone",
    ),
    ("object at 0x7f00aa", "object at 0x1", "object at <hex>"),
    ("hash c8ff781bf277f1376b21a5878b85b45d", "hash 0123456789abcdef", "hash <hex>"),
    ("two\nlines 1", "two   lines 2", "two lines <number>"),
]


@pytest.mark.parametrize(("one", "other", "pattern"), SAME)
def test_what_is_the_same(one: str, other: str, pattern: str) -> None:
    assert pattern_of(one) == pattern_of(other) == pattern
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"), [("KeyError: 'a'", "ValueError: 'a'"), ("no such table", "no such column"), ("", "x")]
)
def test_what_is_not(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_an_apostrophe_quotes_nothing() -> None:
    assert pattern_of("it can't be: it isn't") == "it can't be: it isn't"


@pytest.mark.parametrize("text", ["\ud800", "'" * 5_000, "a:" * 5_000, "1." * 5_000, "@" * 5_000, "a" * 10**6])
def test_whatever_it_is_its_fingerprint_is_short(text: str) -> None:
    assert len(fingerprint(text)) == 16
    assert fingerprint(text) == fingerprint(text[:LONGEST])

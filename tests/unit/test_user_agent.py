"""What a user agent string tells."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.user_agent import UserAgent, parse
from tests.page_views import CHROME

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
    "Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (CHROME, UserAgent("Chrome", "120.0.0", "Linux", is_robot=False)),
        (SAFARI, UserAgent("Mobile Safari", "17.1", "iOS", is_robot=False)),
        (GOOGLEBOT, UserAgent("Googlebot", "2.1", "(unknown)", is_robot=True)),
        ("", UserAgent("", "(unknown)", "(unknown)", is_robot=False)),
        ("(not set)", UserAgent("", "(unknown)", "(unknown)", is_robot=False)),
    ],
)
def test_parse(text: str, agent: UserAgent) -> None:
    assert parse(text) == agent


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    assert parse(text).version


def test_hostile_text_takes_no_time() -> None:
    started = time.monotonic()
    parse("Mozilla/5.0 (" + "; Android 1" * 100_000)
    assert time.monotonic() - started < 2.0

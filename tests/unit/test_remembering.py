"""What is remembered of texts from outside must not fill the memory."""

import tracemalloc
from collections.abc import Callable

import pytest

from owa.analytics import urls
from owa.analytics.aspects import place, place_id
from owa.analytics.attribution import referred_by, registrable_domain
from owa.contributions import Location
from owa.identity import text_id
from owa.remembering import LONGEST, remembers
from owa.user_agent import parse

LONG = "x" * 8_000
OF_TEXTS: dict[str, Callable[[str], object]] = {
    "text_id": text_id,
    "canonical_url": lambda text: urls.canonical_url(f"https://example.org/?{text}"),
    "split": lambda text: urls.split(f"https://example.org/{text}"),
    "referred_by": lambda text: referred_by(f"https://www.google.com/search?q={text}"),
    "registrable_domain": lambda text: registrable_domain(f"{text}.org"),
    "user agent": parse,
    "place": lambda text: place(Location("Wonderland", "", text)),
    "place_id": place_id,
}


def test_an_answer_is_worked_out_once() -> None:
    asked: list[tuple[str, int]] = []

    @remembers(2)
    def double(text: str, times: int = 2) -> str:
        asked.append((text, times))
        return text * times

    assert [double("a"), double("a", 3), double("a"), double("a", times=3)] == ["aa", "aaa", "aa", "aaa"]
    assert asked == [("a", 2), ("a", 3), ("a", 3)]
    assert double("b" * LONGEST) == double("b" * LONGEST) == "b" * 2 * LONGEST
    assert len(asked) == 4


@pytest.mark.parametrize("function", OF_TEXTS.values(), ids=OF_TEXTS)
def test_long_texts_are_not_kept(function: Callable[[str], object]) -> None:
    function("warm")
    tracemalloc.start()
    try:
        for number in range(1_000):
            function(f"{number}{LONG}")
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500 * len(LONG)  # Python itself keeps 128 addresses, and their parts

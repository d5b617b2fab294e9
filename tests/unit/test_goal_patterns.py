"""What people type for a goal's pages becomes what pages are compared with, or they are told why not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owa.analytics.goal_patterns import page_uri, pattern_of
from owa.analytics.goals import Goal, Match, reached
from owa.contributions import Site

SITE = Site("s", "https://www.shop.example", {"query_string_filters": "sid, token", "default_page": "index.html"})


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("/thanks", "/thanks"),
        (" /thanks/ ", "/thanks"),
        ("thanks", "/thanks"),
        ("thanks.html", "/thanks.html"),
        ("/", "/"),
        ("?step=4", "/?step=4"),
        ("https://shop.example/thanks?x=1#y", "/thanks?x=1"),
        ("HTTPS://WWW.SHOP.EXAMPLE:8443/Thanks", "/Thanks"),
        ("http://checkout.shop.example/thanks", "/thanks"),
        ("//shop.example/thanks", "/thanks"),
        ("shop.example/thanks", "/thanks"),
        ("www.shop.example", "/"),
        ("https://shop.example", "/"),
        ("/thanks#done", "/thanks"),
        ("/thanks?owa_campaign=spring&a=1&sid=7&gclid=2", "/thanks?a=1"),
        ("/thanks/?sid=7", "/thanks"),
        ("/thanks/?a=1", "/thanks/?a=1"),
        ("/shop/index.html", "/shop"),
        ("/café au lait", "/caf%C3%A9%20au%20lait"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/a:b", "/a:b"),
    ],
)
def test_a_page_is_typed_as_it_comes(typed: str, pattern: str) -> None:
    assert pattern_of("exact", typed, SITE, ["gclid"]) == pattern
    assert page_uri(typed, SITE, ["gclid"]) == pattern


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("/blog/", "/blog/"),
        ("/blog", "/blog"),
        ("blog/", "/blog/"),
        ("https://shop.example/blog/#top", "/blog/"),
        ("https://shop.example/", "/"),
        ("/search?q=", "/search?q="),
    ],
)
def test_a_beginning_keeps_its_last_slash(typed: str, pattern: str) -> None:
    assert pattern_of("begins", typed, SITE) == pattern


@pytest.mark.parametrize(
    ("match", "typed", "wanted"),
    [
        ("exact", " ", "wants a page, such as /thanks"),
        ("regex", "", "wants an expression, such as /thanks"),
        ("exact", "https://other.example/thanks", "is a page of other.example, not of www.shop.example"),
        ("begins", "//other.example/thanks", "is a page of other.example"),
        ("exact", "https://[/thanks", "is no address"),
        ("exact", "https:///thanks", "is no address"),
        ("exact", "/" + "x" * 10_000, "wants at most 2,000 characters"),
        ("regex", "x" * 10_000, "wants at most 2,000 characters"),
        ("regex", "(", r"is no regular expression of RE2: missing \)"),
        ("regex", "(?=x)", "is no regular expression of RE2: invalid perl operator"),
        ("regex", r"(a)\1", "is no regular expression of RE2: invalid escape sequence"),
        ("regex", "a{5000}", "is no regular expression of RE2: invalid repetition size"),
        ("regex", ".*a.{500}b.{300}", "is no regular expression of RE2: the expression is too large"),
        ("regex", "^https?://shop.example/thanks", "is compared with path and query alone"),
        ("regex", "^/thanks/$", "would match no page"),
    ],
)
def test_what_would_match_nothing_is_explained(match: Match, typed: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        pattern_of(match, typed, SITE)


@pytest.mark.parametrize("typed", ["^/$", "/$", r"^/thanks$", r"[?&]back=.*/$", r"\?next=https://", "(a+)+$"])
def test_an_expression_is_kept_as_it_is(typed: str) -> None:
    assert pattern_of("regex", typed, SITE) == typed


def test_a_site_without_an_address_takes_pages_of_any_host() -> None:
    assert pattern_of("exact", "https://any.example/thanks", Site("s", "my old shop")) == "/thanks"


TEXT = st.text(st.characters(codec="utf-8"), max_size=20).map(lambda text: "/x" + text)


@settings(max_examples=200)
@given(st.sampled_from(["exact", "begins"]), TEXT)
def test_what_was_made_of_a_text_stays_as_it_is_and_is_reached(match: Match, typed: str) -> None:
    pattern = pattern_of(match, typed, SITE)
    assert pattern_of(match, pattern, SITE) == pattern
    uri = page_uri(pattern, SITE)
    assert reached([Goal(1, "A goal", match, pattern.rstrip("/"), 0)], uri.rstrip("/")) == 1

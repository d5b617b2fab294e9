"""Where a visit comes from."""

from typing import Any

import pytest

from owa.analytics.attribution import Attribution, Referral, attribution, referred_by, registrable_domain
from owa.analytics.properties import Properties
from owa.identity import NOT_SET

GOOGLE = "https://www.google.co.uk/search?hl=en&q=open+web"


def attributed(**properties: Any) -> tuple[Attribution, bool]:
    return attribution(Properties(properties))


@pytest.mark.parametrize(
    ("referer", "referral"),
    [
        (GOOGLE, Referral("organic-search", "google.co.uk", "open web")),
        ("https://www.google.com/", Referral("organic-search", "google.com", "(not provided)")),
        ("https://www.google.com/search?q=+", Referral("organic-search", "google.com", "(not provided)")),
        ("https://duckduckgo.com/?q=%C3%A4", Referral("organic-search", "duckduckgo.com", "ä")),
        ("https://www.baidu.com/s?word=x", Referral("organic-search", "baidu.com", "x")),
        ("https://search.yahoo.com/search?p=x", Referral("organic-search", "search.yahoo.com", "x")),
        ("https://m.facebook.com/groups", Referral("social-network", "m.facebook.com", NOT_SET)),
        ("https://t.co/abc", Referral("social-network", "t.co", NOT_SET)),
        ("https://www.Blog.example.org:81/post?q=x", Referral("referral", "blog.example.org", NOT_SET)),
        ("https://notgoogle.com/?q=x", Referral("referral", "notgoogle.com", NOT_SET)),
        ("https://google.evil.example/?q=x", Referral("referral", "google.evil.example", NOT_SET)),
        ("https://facebook.com.evil.example/", Referral("referral", "facebook.com.evil.example", NOT_SET)),
        ("no address", Referral("referral", NOT_SET, NOT_SET)),
        ("http://[", Referral("referral", NOT_SET, NOT_SET)),
    ],
)
def test_what_a_referer_tells(referer: str, referral: Referral) -> None:
    assert referred_by(referer) == referral


def test_a_query_of_many_parameters_is_not_read() -> None:
    assert referred_by("https://www.google.com/?q=x" + "&a=1" * 100).search_terms == "(not provided)"


def test_nothing_given_is_direct_and_not_carried() -> None:
    assert attributed(medium=" ", source="") == (Attribution("direct", NOT_SET, NOT_SET, "", ""), False)


@pytest.mark.parametrize("name", ["medium", "source", "search_terms", "campaign", "ad", "session_referer"])
def test_any_of_the_group_is_carried(name: str) -> None:
    assert attributed(**{name: "x"})[1]


@pytest.mark.parametrize("name", ["ad_type", "attribs", "HTTP_REFERER"])
def test_what_is_not_of_the_group_is_not_carried(name: str) -> None:
    assert attributed(**{name: "x"}) == attributed()


def test_what_a_campaign_says_counts_before_what_the_referer_tells() -> None:
    given = {"medium": "email", "source": "news", "search_terms": "x", "campaign": " Spring ", "ad": "banner"}
    expected = Attribution("email", "news", "x", " Spring ", "banner")
    assert attributed(**given, session_referer=GOOGLE) == (expected, True)


def test_what_a_campaign_leaves_open_the_referer_tells() -> None:
    found, _ = attributed(campaign="spring", session_referer=GOOGLE)
    assert found == Attribution("organic-search", "google.co.uk", "open web", "spring", "")


def test_values_of_the_wrong_type_are_absent_and_counted() -> None:
    values = Properties({"medium": {"0": "email"}, "campaign": ["spring"], "session_referer": {}})
    assert attribution(values) == (Attribution("direct", NOT_SET, NOT_SET, "", ""), False)
    assert values.coerced == ["medium", "campaign", "session_referer"]


def test_texts_are_limited() -> None:
    found, _ = attributed(campaign="x" * 5_000)
    assert len(found.campaign) == 4_096


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("example.com", "example.com"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
        ("", ""),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain

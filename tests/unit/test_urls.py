"""Page addresses: what makes two of them the same page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.analytics import urls
from owa.analytics.urls import canonical_url


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://shop.example/cart", "http://shop.example/cart"),
        ("http://shop.example/cart#total", "http://shop.example/cart"),
        ("http://shop.example:8080/cart", "http://shop.example/cart"),
        ("http://me:secret@shop.example/cart", "http://shop.example/cart"),
        ("http://shop.example/cart/", "http://shop.example/cart"),
        ("http://shop.example/", "http://shop.example"),
        ("http://shop.example", "http://shop.example"),
        ("http://shop.example/?", "http://shop.example"),
        ("http://shop.example/cart/?a=1", "http://shop.example/cart/?a=1"),
        ("HTTPS://Shop.example/Cart", "https://Shop.example/Cart"),
        ("http://[2001:db8::1]:8080/cart", "http://[2001:db8::1]/cart"),
        ("http://shop.example/ä b?q=%20#x", "http://shop.example/ä b?q=%20"),
    ],
)
def test_address_without_what_makes_no_other_page(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url", ["", "(not set)", "/cart#total", "no address", "http://", "http://[", "mailto:me@x.example"]
)
def test_what_is_no_address_stays_as_it_is(url: str) -> None:
    assert canonical_url(url) == url


def test_campaign_parameters_are_cut_off() -> None:
    names = ("source", "medium", "campaign", "ad", "ad_type", "search_terms", "overlay", "state", "sid")
    query = "&".join(f"owa_{name}=x" for name in names)
    assert (
        canonical_url(f"http://shop.example/cart?{query}&a=1&owa_other=2") == "http://shop.example/cart?a=1&owa_other=2"
    )
    assert canonical_url(f"http://shop.example/cart/?{query}") == "http://shop.example/cart"


def test_filtered_parameters_are_cut_off_and_the_rest_keeps_its_spelling() -> None:
    url = "http://shop.example/cart?b=%C3%A4&token=1&a&token&a=+2&tokens=3&Token=4"
    filtered = canonical_url(url, frozenset(["token"]))
    assert filtered == "http://shop.example/cart?b=%C3%A4&a&a=+2&tokens=3&Token=4"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://shop.example/index.html", "http://shop.example"),
        ("http://shop.example/a/index.html?b=1", "http://shop.example/a/?b=1"),
        ("http://shop.example/my-index.html", "http://shop.example/my-index.html"),
        ("http://shop.example/index.html/a", "http://shop.example/index.html/a"),
    ],
)
@pytest.mark.parametrize("default_page", ["index.html", "/index.html"])
def test_default_page_is_the_folder(url: str, canonical: str, default_page: str) -> None:
    assert canonical_url(url, default_page=default_page) == canonical


@given(st.one_of(st.text(), st.from_regex(r"https?://[a-zA-Z\[\]:@.]*[/?#a-z=&:%@]*", fullmatch=True)))
def test_canonical_address_is_canonical(url: str) -> None:
    canonical = canonical_url(url, frozenset(["a"]))
    assert canonical_url(canonical, frozenset(["a"])) == canonical


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("http://shop.example", "/"),
        ("http://shop.example/cart", "/cart"),
        ("http://shop.example/cart?a=1", "/cart?a=1"),
        ("http://shop.example?a=1", "/?a=1"),
        ("http://[", "http://["),
    ],
)
def test_uri_is_path_and_query(url: str, uri: str) -> None:
    assert urls.uri(url) == uri


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://me@WWW.Shop.example:81/", "www.shop.example"),
        ("http://[::1]/", "::1"),
        ("no address", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_host_is_lower_case(url: str, host: str) -> None:
    assert urls.host(url) == host

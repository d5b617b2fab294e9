"""Referers are given by anybody, and spammers vary theirs."""

import pytest

from owa.modules.referer_spam.filter import DOMAINS, KNOWN, refuse_spam
from owa.settings import Settings
from tests.factories import make_event


def refused(*more: str, **properties: object) -> str:
    """`more`: domains that the admin has set."""
    return refuse_spam(make_event(properties=properties), Settings({DOMAINS.name: more}))


@pytest.mark.parametrize("name", ["session_referer", "HTTP_REFERER"])
@pytest.mark.parametrize("domain", sorted(KNOWN))
def test_each_domain_is_refused(domain: str, name: str) -> None:
    assert refused(**{name: f"http://{domain}/?x=1"}) == f"referer {domain}"


def test_domains_of_the_admin_are_refused_too() -> None:
    assert refused("Spam.example", session_referer="http://www.spam.example/") == "referer spam.example"
    assert refused(session_referer="http://www.spam.example/") == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://semalt.com",
        "http://SEMALT.com/",
        "http://www.semalt.com/",
        "http://a.b.c.d.semalt.com:8080/",
        "http://semalt.com./",
        "http://somebody:secret@semalt.com/",
        "http://good.org@semalt.com/",
        "//semalt.com/",
        "http://" + "a." * 4_000 + "semalt.com",
    ],
    ids=range(9),
)
def test_ways_to_write_it(address: str) -> None:
    assert refused(session_referer=address) == "referer semalt.com"


@pytest.mark.parametrize(
    "address",
    [
        None,
        17,
        ["http://semalt.com/"],
        "",
        "http://",
        "http://[",
        "http://[semalt.com]/",
        "http://com/",
        "http://./",
        "http://notsemalt.com/",
        "http://semalt.com.example.org/",
        "http://example.org/semalt.com?http://semalt.com/#http://semalt.com",
        "http://semalt.com@example.org/",
        "semalt",
        "\0\udcff",
        "http://" + "." * 8_000,
    ],
    ids=range(16),
)
def test_other_addresses_pass(address: object) -> None:
    assert refused(session_referer=address, HTTP_REFERER=address) == ""


def test_an_event_without_a_referer_passes() -> None:
    assert refused() == ""

"""Campaigns are read from addresses that anybody may have made."""

import pytest

from owa.events import Event
from owa.modules.utm_campaigns.step import MOST, read_utm
from owa.settings import Settings
from tests.factories import make_event

ALL = "utm_medium=email&utm_source=news&utm_campaign=spring+sale&utm_content=top&utm_term=red%20shoes"
READ = {"medium": "email", "source": "news", "campaign": "spring sale", "ad": "top", "search_terms": "red shoes"}


def view(address: object, **properties: object) -> Event:
    return make_event(properties={"page_url": address, **properties})


def found(address: object, **properties: object) -> dict[str, object]:
    """What the step adds to a view of that address. It must leave the rest alone."""
    event = view(address, **properties)
    before = dict(event.properties)
    after = read_utm(event, Settings())
    assert event.properties == before
    assert after == make_event(properties=after.properties)
    assert before.items() <= after.properties.items()
    return {name: value for name, value in after.properties.items() if name not in before}


def test_all_parameters_are_read() -> None:
    assert found(f"http://example.org/a?x=1&{ALL}&y=2#top") == READ


def test_what_is_not_given_is_not_set() -> None:
    assert found("http://example.org/?utm_source=news&utm_medium=&utm_term=+") == {"source": "news"}
    assert found("http://example.org/") == {}


@pytest.mark.parametrize("name", READ)
def test_a_page_that_has_a_campaign_of_its_own_keeps_it(name: str) -> None:
    assert found(f"http://example.org/?{ALL}", **{name: "own"}) == {}


def test_an_empty_one_is_none() -> None:
    event = read_utm(view(f"http://example.org/?{ALL}", medium="", source=None), Settings())
    assert {name: event.properties[name] for name in READ} == READ


@pytest.mark.parametrize(
    "address",
    [
        None,
        17,
        ["http://example.org/?utm_source=a"],
        "",
        "utm_source=a",
        "http://[::1?utm_source=a",
        "http://example.org/utm_source=a",
        "http://example.org/#?utm_source=a",
        "http://example.org/?utm_id=a&UTM_SOURCE=b&xutm_source=c",
        "http://example.org/?" + "&" * MOST + "utm_source=a",
        "http://example.org/?utm_source=a" + "&x=1" * 10_000,
    ],
    ids=range(11),
)
def test_addresses_without_a_campaign(address: object) -> None:
    assert found(address) == {}


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("utm_source=%ff%00%zz", "\ufffd\0%zz"),
        ("utm_source=%3Cscript%3E", "<script>"),
        ("utm_source=a=b", "a=b"),
        ("utm_source=a;b", "a;b"),
        ("utm_source=a&utm_source=b", "b"),
        ("utm_source=" + "%C3%BC" * 1_000, "ü" * 1_000),
    ],
)
def test_odd_values_are_taken_as_they_are(query: str, source: str) -> None:
    assert found(f"//?{query}") == {"source": source}

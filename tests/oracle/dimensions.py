"""Dimensions: a row for each id, from all events that have a text of that id."""

from collections.abc import Callable, Mapping

from tests.oracle.attribution import referral
from tests.oracle.events import Fact, Row, key_columns
from tests.oracle.given import Given
from tests.oracle.places import SEPARATOR, place_id, place_text
from tests.oracle.texts import NOT_SET, host, text_id, uri

TextOf = Callable[[Fact], str]


def dimensions(facts: list[Fact], given: Given) -> dict[str, list[Row]]:
    """By table. `facts`: least key first."""

    def referer(url: str) -> Row:
        is_search = referral(url, given)[0] == "organic-search"
        empty = dict.fromkeys(("site_name", "query_terms", "refering_anchortext", "snippet"))
        return {**empty, "site": host(url), "page_title": NOT_SET, "is_searchengine": 1 if is_search else None}

    def agent(text: str) -> Row:
        found = given.agent(text)
        return {"browser_type": found.browser or NOT_SET, "browser": found.version or "(unknown)"}

    return {
        "owa_document": _dimension(
            facts,
            "url",
            lambda fact: fact.url,
            lambda url: {"uri": uri(url)},
            {"page_title": lambda fact: fact.title, "page_type": lambda fact: fact.page_type},
        ),
        "owa_referer": _dimension(facts, "url", lambda fact: fact.attribution.referer, referer),
        "owa_ua": _dimension(facts, "ua", lambda fact: fact.agent_text, agent),
        "owa_os": _dimension(facts, "name", lambda fact: fact.system),
        "owa_host": _hosts(facts),
        "owa_location_dim": _locations(facts),
        "owa_source_dim": _dimension(facts, "source_domain", lambda fact: fact.attribution.source),
        "owa_campaign_dim": _dimension(facts, "name", lambda fact: fact.attribution.campaign),
        "owa_ad_dim": _dimension(
            facts, "name", lambda fact: fact.attribution.ad, last={"type": lambda fact: fact.attribution.ad_type}
        ),
        "owa_search_term_dim": [
            {**row, "term_count": None} for row in _dimension(facts, "terms", lambda fact: fact.attribution.terms)
        ],
    }


def _dimension(
    facts: list[Fact],
    column: str,
    text_of: TextOf,
    derive: Callable[[str], Row] = lambda _text: {},
    last: Mapping[str, TextOf] = {},
) -> list[Row]:
    """A row for each id: the least of its texts, what derives from it, and of each attribute the last that is set."""
    rows: dict[int, Row] = {}
    for fact in facts:
        text = text_of(fact)
        if text:
            row = rows.setdefault(text_id(text), {"id": text_id(text), column: text, **_unset(last)})
            row[column] = min(row[column], text)
            _take_last(row, fact, last)
    return [{**row, **derive(row[column])} for row in rows.values()]


def _hosts(facts: list[Fact]) -> list[Row]:
    def unknown(_text: str) -> Row:
        return dict.fromkeys(("city", "country", "latitude", "longitude"), NOT_SET)

    last: dict[str, TextOf] = {
        "ip_address": lambda fact: fact.address,
        "full_host": lambda fact: "" if fact.full_host == NOT_SET else fact.full_host,
    }
    return _dimension(facts, "host", lambda fact: fact.host, unknown, last)


def _locations(facts: list[Fact]) -> list[Row]:
    """The least text of an id gives country, state and city; what else is known is the last that is."""
    last: dict[str, TextOf] = {
        name: lambda fact, part=part: fact.place[part].removeprefix(NOT_SET)  # type: ignore[misc]
        for part, name in ((3, "country_code"), (4, "latitude"), (5, "longitude"))
    }
    rows: dict[int, Row] = {}
    for fact in facts:
        identity, text = place_id(fact.place), place_text(fact.place)
        row = rows.setdefault(identity, {"id": identity, "place": None, **_unset(last)})
        if row["place"] is None or text < row["place"]:
            row |= {"place": text, **dict(zip(("country", "state", "city"), text.split(SEPARATOR), strict=True))}
        _take_last(row, fact, last)
    return list(rows.values())


def _unset(last: Mapping[str, TextOf]) -> Row:
    return {name: value for part in last for name, value in {part: NOT_SET, **key_columns(part, None)}.items()}


def _take_last(row: Row, fact: Fact, last: Mapping[str, TextOf]) -> None:
    for name, value_of in last.items():
        if value_of(fact):
            row |= {name: value_of(fact), **key_columns(name, fact)}

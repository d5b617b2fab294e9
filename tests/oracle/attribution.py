"""Where visitors come from."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.oracle.given import Given
from tests.oracle.texts import NOT_SET, host, query
from tests.oracle.values import Values

_SEARCH = {"google": "q", "bing": "q", "duckduckgo": "q", "yahoo": "p"}
_SOCIAL = ("facebook.com", "t.co", "x.com", "linkedin.com")


@dataclass(frozen=True)
class Attribution:
    """What an event says of it; `campaign`, `ad`, `ad_type` and `referer` are empty for none."""

    medium: str
    source: str
    terms: str
    campaign: str
    ad: str
    ad_type: str
    referer: str
    is_carried: bool
    """Whether the event itself says any of it."""


def attribution(values: Values, given: Given) -> Attribution:
    names = ("medium", "source", "search_terms", "campaign", "ad", "session_referer")
    medium, source, terms, campaign, ad, referer = sent = [values.text(name) for name in names]
    derived = referral(referer, given) if referer else ("direct", NOT_SET, NOT_SET)
    return Attribution(
        medium or derived[0],
        source or derived[1],
        terms or derived[2],
        campaign,
        ad,
        values.text("ad_type"),
        referer,
        any(sent),
    )


def referral(referer: str, given: Given) -> tuple[str, str, str]:
    """Medium, source and search terms that a referring address tells."""
    domain = given.registrable_domain(host(referer))
    source = host(referer).removeprefix("www.") or NOT_SET
    parameter = _SEARCH.get(domain.split(".")[0])
    if parameter:
        found = parse_qs(query(referer)).get(parameter, [""])[-1].strip()
        return "organic-search", source, found or "(not provided)"
    return "social-network" if domain in _SOCIAL else "referral", source, NOT_SET

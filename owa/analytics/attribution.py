"""Where a visit comes from: medium, source and search terms, as given by a campaign or derived from the referer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from publicsuffixlist import PublicSuffixList

from owa.analytics import urls
from owa.analytics.properties import Properties
from owa.identity import NOT_SET
from owa.remembering import remembers

SEARCH_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "google": ("q",),
    "bing": ("q",),
    "yahoo": ("p",),
    "duckduckgo": ("q",),
    "baidu": ("wd", "word"),
    "yandex": ("text",),
    "ecosia": ("q",),
    "qwant": ("q",),
    "startpage": ("query", "q"),
    "brave": ("q",),
    "naver": ("query",),
    "seznam": ("q",),
    "ask": ("q",),
    "aol": ("q", "query"),
    "lycos": ("query", "q"),
    "daum": ("q",),
    "sogou": ("query",),
    "rambler": ("query", "words"),
    "kagi": ("q",),
    "mojeek": ("q",),
}
"""Search engines by the name before the public suffix, and the parameters that carry the terms."""

SOCIAL_NETWORKS = frozenset(
    (
        "facebook.com",
        "instagram.com",
        "linkedin.com",
        "lnkd.in",
        "mastodon.social",
        "bsky.app",
        "pinterest.com",
        "quora.com",
        "reddit.com",
        "snapchat.com",
        "t.co",
        "threads.net",
        "tiktok.com",
        "tumblr.com",
        "twitter.com",
        "vk.com",
        "weibo.com",
        "x.com",
        "xing.com",
        "youtube.com",
    )
)
"""Social networks by registrable domain."""

NOT_PROVIDED = "(not provided)"
"""A search engine referred the visit without saying what was searched."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where a visit comes from. They belong together: one page view decides on all."""

    medium: str
    source: str
    search_terms: str
    campaign: str
    """Empty when there is none."""
    ad: str
    """Empty when there is none."""


@dataclass(frozen=True, slots=True)
class Referral:
    """What an address of a referring page tells."""

    medium: str
    source: str
    search_terms: str


def attribution(values: Properties) -> tuple[Attribution, bool]:
    """The attribution, and whether the event carries one itself: a derived default is not carried."""
    given = {name: values.text(name) for name in ("medium", "source", "search_terms", "campaign", "ad")}
    referer = values.text("session_referer")
    referral = referred_by(referer) if referer else Referral("direct", NOT_SET, NOT_SET)
    result = Attribution(
        medium=given["medium"] or referral.medium,
        source=given["source"] or referral.source,
        search_terms=given["search_terms"] or referral.search_terms,
        campaign=given["campaign"],
        ad=given["ad"],
    )
    return result, bool(referer) or any(given.values())


@remembers(20_000)
def referred_by(referer: str) -> Referral:
    """Medium, source (host without `www.`) and search terms of a referring page."""
    host = urls.host(referer)
    domain = registrable_domain(host)
    parameters = SEARCH_PARAMETERS.get(domain.partition(".")[0])
    if parameters:
        return Referral("organic-search", host.removeprefix("www."), _search_terms(referer, parameters))
    medium = "social-network" if domain in SOCIAL_NETWORKS else "referral"
    return Referral(medium, host.removeprefix("www.") or NOT_SET, NOT_SET)


@remembers(20_000)
def registrable_domain(host: str) -> str:
    """`example.co.uk` of `www.example.co.uk`, by the public suffix list that the library ships; the host itself where
    there is none, as for `localhost` or an address."""
    return _suffixes().privatesuffix(host) or host


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _search_terms(referer: str, parameters: tuple[str, ...]) -> str:
    parts = urls.split(referer)
    query = dict(parse_qsl(parts.query, max_num_fields=100)) if parts and parts.query.count("&") < 100 else {}
    found = next((query[name].strip() for name in parameters if query.get(name, "").strip()), "")
    return found.replace("\0", "\ufffd") or NOT_PROVIDED

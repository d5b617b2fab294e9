"""Which referers are refused."""

from urllib.parse import urlsplit

from owa.module_api import Event, Settings, words

DOMAINS = words(
    "refererSpam.domains",
    label="More domains",
    help="Refused besides those that are known: names such as spam.example, which stand for all names below them too.",
)

KNOWN = frozenset(
    (
        "best-seo-offer.com",
        "buttons-for-website.com",
        "darodar.com",
        "free-share-buttons.com",
        "get-free-traffic-now.com",
        "ilovevitaly.com",
        "priceg.com",
        "semalt.com",
        "simple-share-buttons.com",
        "social-buttons.com",
    )
)
"""Observed by many sites since 2014."""

LABELS = 10
"""Of a host name, from its end, that are looked at: what comes before makes no other domain."""


def refuse_spam(event: Event, settings: Settings) -> str:
    """Names the domain that an event is refused for; empty when there is none."""
    more = frozenset(domain.lower() for domain in settings[DOMAINS])
    for name in ("session_referer", "HTTP_REFERER"):
        referer = event.properties.get(name)
        if isinstance(referer, str) and (domain := _spam(referer, more)):
            return f"referer {domain}"
    return ""


def _spam(address: str, more: frozenset[str]) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    labels = host.removesuffix(".").split(".")[-LABELS:]
    names = (".".join(labels[number:]) for number in range(len(labels)))
    return next((name for name in names if name in KNOWN or name in more), "")

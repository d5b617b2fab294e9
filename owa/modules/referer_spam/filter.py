"""Which referers are refused."""

from urllib.parse import urlsplit

from owa.module_api import Event

DOMAINS = frozenset(
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

LABELS = max(len(domain.split(".")) for domain in DOMAINS)


def refuse_spam(event: Event) -> str:
    """Names the domain that an event is refused for; empty when there is none."""
    for name in ("session_referer", "HTTP_REFERER"):
        referer = event.properties.get(name)
        if isinstance(referer, str) and (domain := _spam(referer)):
            return f"referer {domain}"
    return ""


def _spam(address: str) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    labels = host.removesuffix(".").split(".")[-LABELS:]
    return next((domain for n in range(len(labels)) if (domain := ".".join(labels[n:])) in DOMAINS), "")

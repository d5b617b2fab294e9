"""From `utm_…` parameters to OWA's properties."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from owa.module_api import Event, Settings

NAMES = {
    "utm_medium": "medium",
    "utm_source": "source",
    "utm_campaign": "campaign",
    "utm_content": "ad",
    "utm_term": "search_terms",
}

MOST = 100
"""Parameters that are looked at."""


def read_utm(event: Event, _settings: Settings) -> Event:
    """The event with the campaign of its address, unless it carries one already."""
    address = event.properties.get("page_url")
    if not isinstance(address, str) or "utm_" not in address or any(event.properties.get(n) for n in NAMES.values()):
        return event
    try:
        query = parse_qsl(urlsplit(address).query, max_num_fields=MOST)
    except ValueError:
        return event
    found = {NAMES[name]: value for name, value in query if name in NAMES and value.strip()}
    return replace(event, properties={**event.properties, **found})

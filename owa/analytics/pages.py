"""What makes two addresses of a site the same page."""

from functools import lru_cache

from owa.analytics import urls
from owa.contributions import Site


def page_address(address: str, site: Site, ignored: tuple[str, ...]) -> str:
    """The canonical address of a page of the site; empty for an empty one. `ignored`: query parameters that are cut off
    the addresses of all sites."""
    filters = _filters(ignored, site.settings.get("query_string_filters", ""))
    return urls.canonical_url(address, filters, site.settings.get("default_page", ""))


@lru_cache(maxsize=1_000)
def _filters(general: tuple[str, ...], own: str) -> frozenset[str]:
    return frozenset((*general, *filter(None, own.replace(" ", "").split(","))))

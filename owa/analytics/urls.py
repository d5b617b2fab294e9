"""Page addresses: what makes two of them the same page."""

from urllib.parse import SplitResult, urlsplit

from owa.remembering import remembers

CAMPAIGN_PARAMETERS = frozenset(
    f"owa_{name}"
    for name in ("source", "medium", "campaign", "ad", "ad_type", "search_terms", "overlay", "state", "sid")
)
"""Parameters that OWA itself puts into page addresses."""


@remembers(50_000)
def canonical_url(url: str, filters: frozenset[str] = frozenset(), default_page: str = "") -> str:
    """The address without fragment, port, user, campaign parameters, filtered parameters, the default page and the
    trailing slash. What is no address is returned as it is. Case is kept: paths tell cases apart."""
    parts = split(url)
    if parts is None or not parts.scheme or not parts.hostname:
        return url
    path = parts.path
    if default_page and path.endswith("/" + default_page.lstrip("/")):
        path = path[: -len(default_page.lstrip("/"))]
    query = _without(parts.query, filters | CAMPAIGN_PARAMETERS)
    address = f"{parts.scheme}://{_host(parts)}{path if query else path.rstrip('/')}"
    return f"{address}?{query}" if query else address


def uri(url: str) -> str:
    """Path and query of a canonical address; `/` for the start page."""
    parts = split(url)
    if parts is None:
        return url
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def host(url: str) -> str:
    """The host name in lower case; empty when there is none."""
    parts = split(url)
    return (parts.hostname or "") if parts else ""


@remembers(2_000)  # what is made of them is remembered for longer
def split(url: str) -> SplitResult | None:
    """The parts of an address; None for what cannot be one, such as `http://[`."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    """The host as written, without user and port."""
    address = parts.netloc.rpartition("@")[2]
    if address.startswith("["):
        return address.partition("]")[0] + "]"
    return address.partition(":")[0]


def _without(query: str, names: frozenset[str]) -> str:
    """The query without the parameters of these names; what stays keeps its spelling and order."""
    if not query:
        return ""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] not in names)

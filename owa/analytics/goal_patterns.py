"""What people type for the pages of a goal, made what pages are compared with."""

from collections.abc import Iterable
from urllib.parse import quote

from owa.analytics import urls
from owa.analytics.attribution import registrable_domain
from owa.analytics.expressions import searcher
from owa.analytics.goals import LONGEST_PATTERN, Match
from owa.analytics.pages import page_address
from owa.contributions import Site

_SOMEWHERE = "https://page.invalid"
"""Stands for a host where it does not matter."""

_AS_TYPED = "!#$%&'()*+,/:;=?@[\\]^{|}~"
"""What a browser leaves as it is in an address, besides letters, digits and `-._~`."""

_SCHEMES = ("http:", "https:", "https?:", "http(s)?:")


def pattern_of(match: Match, typed: str, site: Site, ignored: Iterable[str] = ()) -> str:
    """The pattern to store. Raises `ValueError` with what is wrong, for a pattern that would match nothing too.

    `ignored`: query parameters that are cut off page addresses, besides the site's own ones.
    """
    typed = typed.strip()
    if not typed:
        raise ValueError(f"wants {'an expression' if match == 'regex' else 'a page'}, such as /thanks")
    pattern = _expression(typed) if match == "regex" else _page(match, typed, site, ignored)
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"wants at most {LONGEST_PATTERN:,} characters")
    return pattern


def page_uri(typed: str, site: Site, ignored: Iterable[str] = ()) -> str:
    """Path and query of a page, as goals see them. `typed`: its address, with or without scheme and host. Raises
    `ValueError` for what can be none."""
    return urls.uri(_canonical(_address(typed, site), site, ignored))


def _page(match: Match, typed: str, site: Site, ignored: Iterable[str]) -> str:
    address = _address(typed, site)
    uri = urls.uri(_canonical(address, site, ignored))
    _check_host(address, site)
    # A page has no last slash, but what begins with /blog/ is not /blogger.
    ends_a_folder = match == "begins" and address.endswith("/") and not uri.endswith("/")
    return uri + "/" if ends_a_folder else uri


def _expression(typed: str) -> str:
    if len(typed) <= LONGEST_PATTERN:
        try:
            searcher(typed)
        except ValueError as error:
            raise ValueError(f"is no regular expression of RE2: {error}") from None
    if typed.lstrip("^(").startswith(_SCHEMES):
        raise ValueError("is compared with path and query alone, without scheme and host: begin with ^/ instead")
    if typed.endswith("/$") and typed not in ("/$", "^/$") and "?" not in typed:
        raise ValueError("would match no page, since they are compared without the last slash: end with $ alone")
    return typed


def _address(typed: str, site: Site) -> str:
    """With scheme and host, without fragment, spelled as browsers do."""
    text = quote(typed.strip().partition("#")[0], safe=_AS_TYPED)
    if text.lower().startswith(("http://", "https://")):
        return text
    if text.startswith("//"):
        return f"https:{text}"
    own = urls.host(site.domain)
    beginning = text.partition("/")[0].partition("?")[0].lower()
    if own and beginning.removeprefix("www.") == own.removeprefix("www."):
        return f"https://{text}"
    return f"{_SOMEWHERE}{text}" if text.startswith("/") else f"{_SOMEWHERE}/{text}"


def _check_host(address: str, site: Site) -> None:
    """Goals see no hosts: one of somebody else would be taken for the site's own."""
    given, own = urls.host(address), urls.host(site.domain)
    is_own = not own or address.startswith(_SOMEWHERE) or registrable_domain(given) == registrable_domain(own)
    if not is_own:
        raise ValueError(f"is a page of {given}, not of {own}: give its path alone, such as /thanks")


def _canonical(address: str, site: Site, ignored: Iterable[str]) -> str:
    if not urls.host(address):
        raise ValueError("is no address of a page, such as /thanks")
    return page_address(address, site, tuple(ignored))

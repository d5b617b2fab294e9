"""Requests as OWA's tracker sends them: about 25 parameters, 750 bytes; as a pixel, a beacon and a form."""

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

from bench.installation import SITE_ID
from owa.testing.traffic import Plan, generate, request_parameters

Environ = dict[str, Any]

KINDS = ("pixel", "beacon", "form")

_TOUCH = '[{"md":"email","cn":"spring","sr":"news"}]'
_USUAL = {
    "owa_medium": "email",
    "owa_source": "news",
    "owa_campaign": "spring",
    "owa_attribs": _TOUCH,
    "owa_cv1": "plan=gold",
    "owa_page_type": "article",
    "owa_session_referer": "https://www.example.net/search?q=open+web",
    "owa_HTTP_REFERER": "https://www.example.net/search?q=open+web",
}
"""What a visitor who came by a campaign sends on each page."""

_AGENTS = tuple(
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for version in range(100, 140)
)


@lru_cache(maxsize=4)
def queries(count: int, seed: int = 1) -> list[str]:
    """Query strings of that many page views, spelled as a browser does."""
    events = generate(Plan(count, (SITE_ID,), seed=seed))
    return [urlencode(_USUAL | request_parameters(event), quote_via=quote, safe="!~*'()") + "&" for event in events]


def environs(kind: str, count: int, seed: int = 1) -> Iterator[Environ]:
    """WSGI requests, to be used once. `kind`: of `KINDS`."""
    for number, query in enumerate(queries(count, seed)):
        yield environ(kind, query, f"198.51.100.{number % 250}", _AGENTS[number % len(_AGENTS)])


def environ(kind: str, query: str, address: str, agent: str) -> Environ:
    """A tracker's beacon has its parameters in the address, and an empty body."""
    body = query.encode() if kind == "form" else b""
    return {
        "REQUEST_METHOD": "GET" if kind == "pixel" else "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/log.php",
        "QUERY_STRING": "" if kind == "form" else query,
        "SERVER_NAME": "stats.example.org",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": address,
        "CONTENT_TYPE": _TYPES[kind],
        "CONTENT_LENGTH": str(len(body)) if kind != "pixel" else "",
        "HTTP_HOST": "stats.example.org",
        "HTTP_USER_AGENT": agent,
        "HTTP_ACCEPT": "*/*",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_REFERER": "https://example.org/some/page",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


_TYPES = {"pixel": "", "beacon": "text/plain;charset=UTF-8", "form": "application/x-www-form-urlencoded"}

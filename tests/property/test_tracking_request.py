"""An ordinary request is answered before Pyramid sees it, and as the view would have: same answer, same record."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyramid.router import Router

from owa.app import open_installation
from owa.db import configuration as stored
from owa.db.migrate import upgrade
from owa.events import Entry, Event
from owa.queues.records import decode
from owa.tracking.parameters import LONGEST_BODY, Environ
from owa.views import make_wsgi_app
from tests.property.test_quick_parameters import PIECES

DOMAIN = "http://example.org"
SITE_ID = stored.site_id_of(DOMAIN)
GIVEN = {
    "OWA_QUEUE_EVENTS": "1",
    "OWA_SCHEDULER": "0",
    "OWA_TRUSTED_PROXIES": "10.0.0.0/8",
    "OWA_EXCLUDED_IPS": "192.0.2.0/24",
    "OWA_RESPECT_DO_NOT_TRACK": "1",
}
PAGE_VIEW = f"owa_event_type=base.page_request&owa_site_id={SITE_ID}&owa_visitor_id=17&owa_session_id=18&"

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

TEXTS = st.one_of(
    st.sampled_from(("", "a", " a\0b ", "x" * 501, "y" * 2_100, "caf\xc3\xa9", "\xff\xfe", "en-US,en;q=0.9", "de;q=1")),
    st.text(st.characters(max_codepoint=255), max_size=5),
)
QUERIES = st.one_of(
    st.builds("{}{}".format, st.just(PAGE_VIEW), PIECES),
    st.builds("{}{}".format, PIECES, st.just(PAGE_VIEW)),
    st.sampled_from(
        (
            "",
            PAGE_VIEW,
            PAGE_VIEW.replace("17", "0"),
            PAGE_VIEW.replace("18", "x" * 300),
            PAGE_VIEW.replace(SITE_ID, "nobody"),
            PAGE_VIEW.replace(SITE_ID, "n" * 300),
            PAGE_VIEW.replace("base.page_request", "made.up"),
            PAGE_VIEW + "owa_do_not_log=TRUE",
            PAGE_VIEW + "owa_ip_address=1.2.3.4&owa_HTTP_USER_AGENT=made%20up",
            PAGE_VIEW + "owa_x=" + "x" * 9_000,
        )
    ),
)
HEADERS = st.fixed_dictionaries(
    {
        "REMOTE_ADDR": st.sampled_from(
            ("198.51.100.7", "10.0.0.1", "192.0.2.1", "127.0.0.1", "", "x", "::ffff:10.0.0.1")
        )
    },
    optional={
        "HTTP_X_FORWARDED_FOR": st.one_of(
            st.sampled_from(("203.0.113.9", "203.0.113.9, 10.0.0.2", "192.0.2.5", "x, 10.0.0.3", "1," * 400)), TEXTS
        ),
        "HTTP_USER_AGENT": st.one_of(st.sampled_from((BROWSER, ROBOT)), TEXTS),
        "HTTP_HOST": TEXTS,
        "REMOTE_HOST": TEXTS,
        "HTTP_ACCEPT_LANGUAGE": TEXTS,
        "HTTP_DNT": st.sampled_from(("0", "1")),
        "HTTP_SEC_GPC": st.just("1"),
        "HTTP_COOKIE": TEXTS,
        "CONTENT_TYPE": st.sampled_from(("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")),
    },
)
METHODS = st.sampled_from(("GET", "GET", "HEAD", "POST", "POST", "OPTIONS", "PUT"))
LENGTHS = st.sampled_from((None, None, None, "", "x", "-1", "0", str(LONGEST_BODY + 1)))


@dataclass
class Served:
    """A router, and the file that its events are appended to."""

    router: Router
    path: Path

    def quickly(self, environ: Environ) -> tuple[object, list[Entry]]:
        """The answer, and what was queued."""
        return self._outcome(lambda start_response: self.router(environ, start_response))

    def by_the_view(self, environ: Environ) -> tuple[object, list[Entry]]:
        def answer(start_response: object) -> Any:
            with self.router.request_context(environ) as request:
                return self.router.invoke_request(request)(environ, start_response)

        return self._outcome(answer)

    def _outcome(self, answer: Callable[[object], Iterable[bytes]]) -> tuple[object, list[Entry]]:
        size = self.path.stat().st_size if self.path.exists() else 0
        told: list[object] = []
        body = b"".join(answer(lambda *given: told.extend(given)))
        added = self.path.read_bytes()[size:] if self.path.exists() else b""
        return (told, body), [_bare(decode(record).entry) for record in added.replace(b"\x1e", b"").splitlines()]


def _bare(entry: Entry) -> Entry:
    """Without what differs between two requests."""
    return replace(entry, guid=1, received_at=1) if isinstance(entry, Event) else replace(entry, received_at=1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("owa")
    installation = open_installation({"OWA_DATA_DIR": str(folder), **GIVEN}, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        stored.add_site(connection, DOMAIN)
    installation.configuration.signal_change()
    router = make_wsgi_app(installation)
    yield Served(router, installation.queue_dir / "events.txt")
    router.registry["owa"].stop()


def request(method: str, query: str, body: bytes, length: str | None, headers: dict[str, str]) -> Environ:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/log.php",
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)) if length is None else length,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        **headers,
    }


@settings(deadline=None)
@given(METHODS, QUERIES, QUERIES, LENGTHS, HEADERS)
def test_the_answer_and_the_record_are_those_of_the_view(
    served: Served, method: str, query: str, body: str, length: str | None, headers: dict[str, str]
) -> None:
    data = body.encode("utf-8", "surrogatepass")
    quick = served.quickly(request(method, query, data, length, headers))
    assert quick == served.by_the_view(request(method, query, data, length, headers))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_ordinary_request_never_comes_to_the_view(served: Served, method: str) -> None:
    quick = served.router.registry["owa"].collector.quick(request(method, PAGE_VIEW, b"", None, {}))
    assert quick is not None
    assert quick.status[:3] in ("200", "204")


def test_what_is_odd_comes_to_the_view_and_is_kept(served: Served) -> None:
    odd = request("GET", PAGE_VIEW + "owa_page_title=100%", b"", None, {"HTTP_USER_AGENT": BROWSER})
    assert served.router.registry["owa"].collector.quick(dict(odd)) is None
    _answer, (event,) = served.quickly(odd)
    assert isinstance(event, Event)
    assert event.properties["page_title"] == "100%"

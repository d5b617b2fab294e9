"""A site with the tracker. Its small server stands in for the product, too: it keeps what comes in."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

TRACKER = Path(__file__).parents[2] / "owa" / "static" / "tracker" / "owa.tracker.js"
SITE_ID = "c8ff781bf277f1376b21a5878b85b45d"
WAIT_SECONDS = 15

PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>Shop – start</title>
<script>
  var owa_baseUrl = location.origin + '/owa/';
  var owa_cmds = owa_cmds || [];
  owa_cmds.push(['setDebug', true], ['setTrackerOption', 'x', 1], ['constructor'], null);
  owa_cmds.push(['setSiteId', '%s']);
  owa_cmds.push(['trackPageView']);
  %s
</script>
%s
</head><body>%s</body></html>"""
SCRIPT = '<script async src="/tracker.js"></script>'


@dataclass(frozen=True)
class Hit:
    """One request to log.php."""

    method: str
    query: str
    body: str
    content_type: str
    cookies: str

    @property
    def sent(self) -> dict[str, str]:
        """The parameters without their prefix. Each must have it, and come once."""
        pairs = parse_qsl(self.query or self.body, keep_blank_values=True, strict_parsing=True)
        assert all(name.startswith("owa_") for name, _ in pairs)
        assert len(dict(pairs)) == len(pairs)
        return {name.removeprefix("owa_"): value for name, value in pairs}


@dataclass
class Site:
    """The server's address, and the hits that nobody has taken yet."""

    port: int
    hits: queue.Queue[Hit] = field(default_factory=queue.Queue)
    script: str = ""
    """At the end of the tag."""
    body: str = ""
    """HTML text."""

    def page(self, scripts: str = SCRIPT) -> str:
        return PAGE % (SITE_ID, self.script, scripts, self.body)

    def url(self, path: str = "", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"

    def next_hit(self) -> Hit:
        try:
            return self.hits.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            pytest.fail(f"nothing came to log.php within {WAIT_SECONDS} s")


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/owa/log.php":
                self.take_hit()
            elif path == "/tracker.js":
                self.answer("text/javascript; charset=utf-8", TRACKER.read_bytes())
            else:
                page = SCRIPT if path == "/bare" else served.page(SCRIPT * (2 if path == "/twice" else 1))
                self.answer("text/html; charset=utf-8", page.encode())

        def do_POST(self) -> None:
            if urlsplit(self.path).path == "/owa/log.php":
                self.take_hit()
            else:
                self.send_error(404)

        def take_hit(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            content_type = self.headers.get("Content-Type") or ""
            cookies = self.headers.get("Cookie") or ""
            query = urlsplit(self.path).query
            served.hits.put(Hit(self.command, query, body, content_type, cookies))
            self.send_response(204)
            self.end_headers()

        def answer(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def rest(page: Page, site: Site) -> list[str]:
    """The types of the events that came besides those that were taken."""
    page.evaluate("fetch('/owa/log.php?owa_event_type=rest').then(() => 0)")
    types: list[str] = []
    while "rest" not in types:
        types.append(site.next_hit().sent["event_type"])
    return types[:-1]

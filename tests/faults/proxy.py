"""A proxy that treats requests badly, by chance: it drops, delays, repeats, cuts and reorders."""

import random
import threading
import time
from collections import Counter
from enum import Enum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Sent = tuple[str, bytes, dict[str, str]]
"""A request: path, body, headers."""

LONGEST_DELAY = 0.2
"""Seconds."""


class Fate(Enum):
    """What becomes of a request."""

    PASSED = "passed on"
    LOST = "lost on the way there"
    UNANSWERED = "its answer is lost"
    CUT = "half of its answer is lost"
    EMPTY = "the answer names nothing"
    FAILED = "answered 502 by the proxy"
    REPEATED = "passed on twice"
    OVERTAKEN = "lost, and passed on again behind later ones"
    DELAYED = "passed on late"


class Proxy(ThreadingHTTPServer):
    """Between a sender and the port of a receiver. As a context manager it serves in a thread."""

    daemon_threads = True

    def __init__(self, port: int, chance: random.Random, badness: float) -> None:
        """`badness`: the share of requests that are not just passed on."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = port
        self.fates: Counter[Fate] = Counter()
        self._chance = chance
        self.badness = badness
        self._overtaken: list[Sent] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/queue.php"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    def fate(self) -> Fate:
        """That of the next request."""
        with self._lock:
            bad = self.badness > 0 and (not self.fates or self._chance.random() < self.badness)
            fate = self._chance.choice([fate for fate in Fate if fate is not Fate.PASSED]) if bad else Fate.PASSED
            self.fates[fate] += 1
            return fate

    def hold(self, sent: Sent) -> None:
        """Keep a request, to pass it on behind later ones."""
        with self._lock:
            self._overtaken.append(sent)

    def let_go(self) -> list[Sent]:
        """What was held."""
        with self._lock:
            held, self._overtaken = self._overtaken, []
            return held

    def delay(self) -> float:
        with self._lock:
            return self._chance.uniform(0, LONGEST_DELAY)


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = (self.path, body, dict(self.headers.items()))
        fate = self.server.fate()
        if fate in (Fate.LOST, Fate.OVERTAKEN):
            if fate is Fate.OVERTAKEN:
                self.server.hold(sent)
            self.close_connection = True
            return
        if fate is Fate.FAILED:
            self._answer(502, b"")
            return
        if fate is Fate.DELAYED:
            time.sleep(self.server.delay())
        if fate is Fate.REPEATED:
            self._pass_on(sent)
        status, answer = self._pass_on(sent)
        for held in self.server.let_go():
            self._pass_on(held)
        if fate is Fate.UNANSWERED:
            self.close_connection = True
        elif fate is Fate.CUT:
            self._answer(status, answer, answer[: len(answer) // 2])
            self.close_connection = True
        else:
            self._answer(status, b'{"accepted":[],"duplicate":[],"refused":[]}' if fate is Fate.EMPTY else answer)

    def _pass_on(self, sent: Sent) -> tuple[int, bytes]:
        path, body, headers = sent
        connection = HTTPConnection("127.0.0.1", self.server.target, timeout=30)
        try:
            connection.request("POST", path, body, {name: headers[name] for name in headers if name != "Connection"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            return 504, b""
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, part: bytes | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if part is None else part)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is printed."""

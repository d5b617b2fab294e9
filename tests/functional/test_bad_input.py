"""Whatever is sent: it gets the right answer, is counted or stored, leaves no traceback, and stops nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from tests.servers import BROWSER, Answer, Install, Installation, Server, page_view

Parameters = dict[str, str]
Encoding = tuple[str, Callable[[Parameters], bytes]]
"""A content type, and what makes a body of it."""

BOUNDARY = "x29a"


def _multipart(parameters: Parameters) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parameters.items()
    )
    return "".join(parts).encode() + f"--{BOUNDARY}--\r\n".encode()


FORM: Encoding = ("application/x-www-form-urlencoded", lambda parameters: urlencode(parameters).encode())
MULTIPART: Encoding = (f"multipart/form-data; boundary={BOUNDARY}", _multipart)
NO_BOUNDARY: Encoding = ("multipart/form-data", _multipart)


@dataclass(frozen=True)
class Hit:
    """A request to log.php."""

    parameters: Parameters = field(default_factory=page_view)
    encoding: Encoding | None = None
    """Of the body that they are in; None: they are in the query."""
    query: str = ""
    """What else is in the query."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent beside parameters in the query."""

    def send(self, server: Server) -> Answer:
        if self.encoding is None:
            path = f"/log.php?{urlencode(self.parameters)}&{self.query}"
            return server.request(self.method, path, self.body, self.headers)
        kind, encode = self.encoding
        path = f"/log.php?{self.query}"
        return server.request("POST", path, encode(self.parameters), {"Content-Type": kind, **self.headers})


def without(name: str) -> Parameters:
    parameters = page_view()
    del parameters[f"owa_{name}"]
    return parameters


ROBOT = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
MANY = {f"owa_{number}": "" for number in range(5_000)}
EVENT_TYPE = "owa_event_type[a]=base.page_request"

REFUSED: dict[str, tuple[Hit, int, str]] = {
    "no session id": (Hit(without("session_id")), 204, "bad_session_id"),
    "session id of 20 digits": (Hit(page_view(session_id="9" * 20)), 204, "bad_session_id"),
    "session id of 2^63": (Hit(page_view(session_id=str(2**63))), 204, "bad_session_id"),
    "session id in Arabic digits": (Hit(page_view(session_id="١٢٣")), 204, "bad_session_id"),
    "session id in brackets": (Hit(without("session_id"), query="owa_session_id[a]=1"), 204, "bad_session_id"),
    "no visitor id": (Hit(without("visitor_id")), 204, "bad_visitor_id"),
    "negative visitor id": (Hit(page_view(visitor_id="-5")), 204, "bad_visitor_id"),
    "no site id": (Hit(without("site_id")), 204, "bad_site_id"),
    "site id in brackets": (Hit(without("site_id"), query="owa_site_id[]=x"), 204, "bad_site_id"),
    "site id of 300 characters": (Hit(page_view(site_id="a" * 300)), 204, "bad_site_id"),
    "unregistered site": (Hit(page_view(site_id="0" * 32)), 204, "unregistered_site"),
    "no event type": (Hit(without("event_type")), 204, "unknown_event_type"),
    "unknown event type": (Hit(page_view(event_type="base.reset")), 204, "unknown_event_type"),
    "event type in brackets": (Hit(without("event_type"), query=EVENT_TYPE), 204, "unknown_event_type"),
    "do not log": (Hit(page_view(do_not_log="true")), 204, "do_not_log"),
    "robot": (Hit(headers=ROBOT), 204, "robot"),
    "robot that asks for the pixel": (Hit(method="GET", headers=ROBOT), 200, "robot"),
    "excluded address": (Hit(headers={"X-Forwarded-For": "203.0.113.9"}), 204, "excluded_address"),
    "5,000 parameters": (Hit(MANY, FORM), 413, "too_many_parameters"),
    "301 parameters": (Hit(dict(list(MANY.items())[:301]), FORM), 413, "too_many_parameters"),
    "301 parts": (Hit(dict(list(MANY.items())[:301]), MULTIPART), 413, "too_many_parameters"),
    "URL over 8 KB": (Hit(page_view(page_title="x" * 8192)), 414, "url_too_long"),
    "pixel's URL over 8 KB": (Hit(page_view(page_title="x" * 8192), method="GET"), 414, "url_too_long"),
    "body over 64 KB": (Hit(page_view(page_title="x" * 65_536), FORM), 413, "body_too_long"),
    "value of 1 MB": (Hit(page_view(page_title="x" * 1_000_000), FORM), 413, "body_too_long"),
    "multipart without boundary": (Hit(encoding=NO_BOUNDARY), 400, "malformed_request"),
}
"""The request, its answer's status, and the reason that it is counted by."""

STORED: dict[str, tuple[Hit, str]] = {
    "delimiter of PHP's queue file": (Hit(page_view(page_title="a|*|b|*|c")), "a|*|b|*|c"),
    "newlines": (Hit(page_view(page_title="a\r\nb\nc\u2028d")), "a\r\nb\nc\u2028d"),
    "start of a record": (Hit(page_view(page_title='a\n\x1e{"v":1,"guid":')), 'a\n\x1e{"v":1,"guid":'),
    "NUL": (Hit(page_view(page_title="a\0b")), "a\ufffdb"),
    "NUL in a name": (Hit(query="owa_%00=1"), "A page"),
    "broken UTF-8": (Hit(without("page_title"), query="owa_page_title=a%FFb%C3"), "a\ufffdb\ufffd"),
    "surrogate": (Hit(without("page_title"), query="owa_page_title=%ED%A0%80!"), "\ufffd\ufffd\ufffd!"),
    "broken percent signs": (Hit(without("page_title"), query="owa_page_title=100%25%zz%"), "100%%zz%"),
    "beyond the BMP": (Hit(page_view(page_title="𝄞 – “x”")), "𝄞 – “x”"),
    "SQL": (Hit(page_view(page_title="'; DROP TABLE owa_request; --")), "'; DROP TABLE owa_request; --"),
    "very long title": (Hit(page_view(page_title="x" * 7_000)), "x" * 4_096),
    "title in brackets": (Hit(without("page_title"), query="owa_page_title[a]=1"), "(not set)"),
    "deep brackets": (Hit(query="owa_x" + "[a]" * 2_000 + "=1"), "A page"),
    "odd brackets": (Hit(query="owa_x[[[=1&owa_]]=1&owa_[]=1&owa_=1&[=&=&&&owa_a[b]c[d]=1"), "A page"),
    "pixel": (Hit(method="GET"), "A page"),
    "HEAD": (Hit(method="HEAD"), "A page"),
    "form": (Hit(encoding=FORM), "A page"),
    "form wins over query": (Hit(encoding=FORM, query=urlencode(page_view(page_title="query"))), "A page"),
    "multipart form": (Hit(encoding=MULTIPART), "A page"),
    "multipart wins over query": (Hit(encoding=MULTIPART, query=urlencode(page_view(page_title="query"))), "A page"),
    "body of unknown type": (Hit(body=b"\xff\0\x1e=&", headers={"Content-Type": "text/plain"}), "A page"),
    "user agent that is none": (Hit(headers={"User-Agent": "\xff\xfe" * 1_500}), "A page"),
}
"""The request, and the page's title as it is stored."""

COERCED: dict[str, Parameters] = {
    "nps": page_view(nps="abc"),
    "dsps": page_view(dsps="99999999999"),
    "last_req": page_view(last_req="1e5"),
    "prior_session_id": page_view(prior_session_id="x" * 500),
}
"""By the parameter that has the wrong type."""


@dataclass(frozen=True)
class Outcome:
    """What came of all of them, sent to one server and drained."""

    installation: Installation
    answers: Mapping[str, Answer]
    counts: Counter[tuple[str, str]]
    """By outcome and reason, as queue-status shows them."""


@pytest.fixture(scope="module", params=["development.ini", "production.ini"])
def outcome(request: pytest.FixtureRequest, install: Install) -> Outcome:
    installation = install(
        OWA_QUEUE_EVENTS="1",
        OWA_SCHEDULER="0",
        OWA_TRUSTED_PROXIES="127.0.0.1",
        OWA_EXCLUDED_IPS="203.0.113.0/24",
    )
    hits = {name: hit for name, (hit, *_) in (REFUSED | STORED).items()}
    hits |= {name: Hit(parameters) for name, parameters in COERCED.items()}
    with installation.serve(request.param) as server:
        answers = {name: hit.send(server) for name, hit in hits.items()}
        assert server.track(last := page_view()).status == 204
    assert server.complaints == []
    installation.drain()
    assert installation.request_of(last), "what came after them was not stored"
    counts: Counter[tuple[str, str]] = Counter()
    for row in installation.status()["counts"]:
        counts[row["outcome"], row["reason"]] += row["count"]
    return Outcome(installation, answers, counts)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_is_answered(outcome: Outcome, name: str) -> None:
    assert outcome.answers[name].status == REFUSED[name][1]


@pytest.mark.parametrize("reason", sorted({reason for _, _, reason in REFUSED.values()}))
def test_refused_is_counted_by_reason(outcome: Outcome, reason: str) -> None:
    sent = [name for name, case in REFUSED.items() if case[2] == reason]
    assert outcome.counts["refused", reason] == len(sent), sent


@pytest.mark.parametrize("name", STORED)
def test_odd_text_is_stored(outcome: Outcome, name: str) -> None:
    hit, title = STORED[name]
    status, start = {"GET": (200, b"GIF89a"), "HEAD": (200, b"")}.get(hit.method, (204, b""))
    answer = outcome.answers[name]
    assert (answer.status, answer.body[:6]) == (status, start)
    assert outcome.installation.title_of(hit.parameters) == title


@pytest.mark.parametrize("name", COERCED)
def test_value_of_wrong_type_is_null_and_counted(outcome: Outcome, name: str) -> None:
    column = {"nps": "num_prior_sessions", "dsps": "days_since_prior_session"}.get(name, name)
    row = outcome.installation.request_of(COERCED[name])
    assert row is not None
    assert row.get(column) is None
    assert outcome.counts["coerced", name] == 1


def test_everything_is_accounted_for(outcome: Outcome) -> None:
    taken = len(STORED) + len(COERCED) + 1
    assert outcome.counts["processed", ""] == taken
    assert sum(count for (fate, _), count in outcome.counts.items() if fate != "coerced") == taken + len(REFUSED)
    assert len(outcome.installation.rows("owa_request")) == taken


def test_methods_other_than_those_of_trackers(storing: Installation) -> None:
    path = "/log.php?" + urlencode(page_view())
    with storing.serve() as server:
        for method in ("PUT", "DELETE", "PATCH"):
            answer = server.request(method, path)
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")
        answer = server.request("OPTIONS", path, headers={"Origin": "https://example.org"})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert server.request("GET", "/blank.php").body == b""
    assert storing.rows("owa_request") == []


def test_malformed_content_length(storing: Installation) -> None:
    start = f"POST /log.php?{urlencode(page_view())} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
    with storing.serve() as server:
        for length in ("abc", "-5", "1e3", "5, 6"):
            assert server.send(f"{start}{length}\r\n\r\n".encode()).status == 400, length
        assert server.track(page_view()).status == 204
    assert len(storing.rows("owa_request")) == 1


def test_chunked_body(storing: Installation) -> None:
    body = urlencode(parameters := page_view()).encode()
    head = (
        f"POST /log.php HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n{len(body):x}\r\n"
    )
    with storing.serve() as server:
        assert server.send(head.encode() + body + b"\r\n0\r\n\r\n").status == 204
    assert storing.request_of(parameters)


def address_stored(installation: Installation, server: Server, forwarded_for: str = "") -> str:
    """The address in the row of an event that was sent with this header."""
    parameters = page_view(ip_address="6.6.6.6", HTTP_USER_AGENT="spoofed", REMOTE_HOST="spoofed.example.org")
    assert server.track(parameters, {"X-Forwarded-For": forwarded_for} if forwarded_for else {}).status == 204
    row = installation.request_of(parameters)
    assert row is not None
    return str(row["ip_address"])


def test_address_behind_trusted_proxies(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0", OWA_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8")
    with installation.serve() as server:
        assert address_stored(installation, server, "198.51.100.7") == "198.51.100.7"
        assert address_stored(installation, server, "6.6.6.6, 198.51.100.7, 10.1.2.3") == "198.51.100.7"
        assert address_stored(installation, server, "[2001:db8::1]:4711") == "2001:db8::1"
        assert address_stored(installation, server, "nonsense") == "(not set)"
        assert address_stored(installation, server) == "(not set)"
    assert [row["ua"] for row in installation.rows("owa_ua")] == [BROWSER]
    assert [row["full_host"] for row in installation.rows("owa_host")] == ["(not set)"]


def test_forwarded_address_is_not_believed_without_trusted_proxies(storing: Installation) -> None:
    with storing.serve() as server:
        assert address_stored(storing, server, "198.51.100.7") == "(not set)"


def test_address_is_anonymised(install: Install) -> None:
    installation = install(
        OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0", OWA_TRUSTED_PROXIES="127.0.0.1", OWA_ANONYMIZE_IPS="1"
    )
    with installation.serve() as server:
        assert address_stored(installation, server, "198.51.100.7") == "198.51.100.0"
        assert address_stored(installation, server, "2001:db8:1:2:3::4") == "2001:db8:1::"

"""Requests to the admin's pages that nobody sends in good faith: none is a 500, none hangs, none is believed."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from tests.admin import FORM, Visitor
from tests.servers import PASSWORD, Install, Installation, Server, page_view, wait_until

XSS = "<script>alert('x')</script>"
PAGES = ("/login", "/admin", "/admin/account", "/admin/audit", "/admin/settings/users", "/nowhere", "/")


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_SCHEDULER="0")


@pytest.fixture(scope="module", params=["development.ini", "production.ini"])
def server(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Waitress, and granian."""
    with installation.serve(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def admin(server: Server) -> Visitor:
    return Visitor(server).log_in()


FIELDS = {
    "not UTF-8": b"user_id=%FF&password=x",
    "raw bytes": b"user_id=\xff\xfe&password=x",
    "half a character": b"user_id=%ED%A0%80&password=x",
    "NUL": b"user_id=a%00b&password=x",
    "raw NUL": b"user_id=a\0b&password=x",
    "many fields": b"&".join(b"a=1" for _ in range(5_000)),
    "a million fields": b"&a" * 1_000_000,
    "nothing but separators": b"&" * 100_000,
    "a long body": b"user_id=" + b"x" * 300_000,
    "a very long body": b"user_id=" + b"x" * 3_000_000,
}


@pytest.mark.parametrize("body", FIELDS.values(), ids=FIELDS.keys())
def test_odd_fields_get_a_clear_answer(admin: Visitor, body: bytes) -> None:
    admin.get("/admin/account")
    token = b"csrf_token=" + admin.token.encode()
    expected = 413 if len(body) > 15_000 else 400
    for path in ("/login", "/logout", "/admin/account", "/admin/settings/users", "/blank.php"):
        answer = admin.post_bytes(path, token + b"&" + body)
        assert answer.status == expected, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert admin.get("/admin/account").status == 200


@pytest.mark.parametrize("query", ["before=%FF", "before=%00", "next=%ED%A0%80", "&" * 5_000])
def test_odd_queries_get_a_clear_answer(admin: Visitor, query: str) -> None:
    for path in ("/login", "/admin/audit", "/admin/settings/users/edit"):
        assert admin.get(f"{path}?{query}").status in (400, 413)


@pytest.mark.parametrize("before", ["", "x", "-1", "0", "9" * 30, "1.5", "٣", "1;drop table"])
def test_odd_page_numbers_do_no_harm(admin: Visitor, before: str) -> None:
    assert admin.get(f"/admin/audit?before={quote(before)}").status == 200


def test_waitress_keeps_no_body_of_any_length(install: Install) -> None:
    """It would be written to a file whole before OWA sees it."""
    with install(OWA_SCHEDULER="0").serve() as server:
        answer = server.send(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert answer.status == 413


KINDS = (
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nonsense",
    "application/json",
    "text/plain",
    "nonsense",
    "",
)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_kinds_of_bodies_get_a_clear_answer(admin: Visitor, kind: str) -> None:
    for body in (
        b"",
        b"\xff\0",
        b"--x\r\nContent-Disposition: form-data; name=csrf_token; filename=f\r\n\r\nx\r\n--x--\r\n",
    ):
        assert admin.post_bytes("/admin/settings/users", body, kind).status in (400, 415)


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999999999"])
def test_odd_lengths_get_a_clear_answer(server: Server, length: str) -> None:
    lines = (
        "POST /login HTTP/1.1",
        "Host: x",
        f"Content-Type: {FORM}",
        f"Content-Length: {length}",
        "Connection: close",
    )
    request = "\r\n".join(lines) + "\r\n\r\na"
    assert 400 <= server.send(request.encode()).status < 500


@pytest.mark.parametrize(
    "cookie", ['owa_login="\\377"', "owa_form=\xff; owa_flash=\xff", "other=\xe9\xe8", "=;=;", "a" * 5_000]
)
def test_odd_cookies_are_passed_over(admin: Visitor, cookie: str) -> None:
    """Even beside those that count: other applications of the host may have left them."""
    beside = 200 if cookie.isascii() or is_waitress(admin) else 303  # granian drops the whole header
    for header, status in ((cookie, 303), (f"{cookie}; {admin.cookie_header}", beside)):
        assert admin.server.request("GET", "/admin/account", headers={"Cookie": header}).status == status


def is_waitress(browser: Visitor) -> bool:
    return browser.get("/login").headers["Server"] == "waitress"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_the_headers(server: Server, path: str, method: str) -> None:
    answer = server.request(method, path)
    if answer.status == 405 and not answer.headers["Content-Security-Policy"]:
        return  # the server's own answer
    assert answer.status < 500
    policy = answer.headers["Content-Security-Policy"]
    for rule in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"]
    assert (answer.body == b"") or method != "HEAD"


def test_pages_are_kept_by_no_cache_when_logged_in(admin: Visitor) -> None:
    for path in PAGES:
        assert "no-store" in admin.get(path).headers["Cache-Control"], path
    assert "no-store" not in admin.get("/static/owa.css").headers["Cache-Control"]


def test_the_trackers_frame_may_be_framed(server: Server) -> None:
    answer = server.request("GET", "/blank.php")
    assert not answer.headers["X-Frame-Options"]
    assert "frame-ancestors" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "%2e%2e%2fapp.py",
        "..%5capp.py",
        "....//app.py",
        "tracker/../../app.py",
        "tracker/%2e%2e/%2e%2e/app.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..%c0%af..%c0%afapp.py",
        "..%252fapp.py",
        "owa.css%00.png",
        "",
        "tracker/",
        "%FF",
    ],
)
def test_static_files_are_those_of_their_folder(server: Server, path: str) -> None:
    answer = server.request("GET", f"/static/{path}")
    assert answer.status in (400, 403, 404)
    assert b"import" not in answer.body
    assert b"root:" not in answer.body
    assert b"owa.tracker.js" not in answer.body


def test_stored_text_is_escaped_wherever_it_is_shown(
    installation: Installation, server: Server, admin: Visitor
) -> None:
    name = f"eve {XSS} {server.port}"
    site = f"http://{XSS}.{server.port}"
    installation.cli("cmd=add-site", f"domain={site}", f"name={XSS}")
    fields = {"user_id": name, "role": "viewer", "real_name": XSS, "email_address": f"{XSS}@x", "password": PASSWORD}
    assert admin.post("/admin/settings/users", fields).status == 303
    pages = [admin.get("/admin/settings/users")]  # with the flash
    wait_until(lambda: site in admin.text("/admin/settings/users"), "the new site is not shown")
    edit = "/admin/settings/users/edit?" + urlencode({"user_id": name})
    shown = admin.post("/admin/settings/users", fields | {"password": ""})  # refused: he is there already
    again = admin.post(edit, {"action": "password"})  # a random password, shown
    assert (shown.status, again.status) == (400, 200)
    pages += [shown, again, admin.get("/admin/settings/users"), admin.get(edit), admin.get("/admin/audit")]
    pages += [admin.get(edit + quote(XSS)), admin.get(f"/{quote(XSS)}"), admin.get(f"/login?next=/{quote(XSS)}")]
    assert admin.post(edit, {"action": "password", "password": PASSWORD}).status == 303
    eve = Visitor(server, User_Agent=XSS)
    eve.log_in(name)
    pages += [eve.get("/admin/account"), eve.get("/admin/audit"), eve.send_login(name, "wrong")]
    for number, page in enumerate(pages):
        assert XSS.encode() not in page.body, number
    for number in (0, 1, 2, 3, 4, 5, 9, 11):
        assert b"&lt;script&gt;alert(" in pages[number].body, number


def test_tracking_goes_on_as_before(server: Server) -> None:
    """It is not limited by what the pages are."""
    assert server.track(page_view()).status == 204
    assert server.request("POST", "/log.php", b"x" * 70_000, {"Content-Type": FORM}).status == 413


@pytest.mark.parametrize(
    "path", ["/admin/failed?q=%00", "/admin/failed?q=%ff", "/admin/%ff", "/login?next=%00", "/%ff"]
)
def test_an_address_that_nobody_can_read_gets_a_page_like_all_others(server: Server, path: str) -> None:
    answer = server.request("GET", path)
    page = answer.body.decode()
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "owa.css" in page
    assert "<h1>Bad Request</h1>" in page
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert answer.headers[name], name
    assert server.request("HEAD", path).body == b""
    assert server.complaints == []

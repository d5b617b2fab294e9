"""Logging in and out over HTTP: what the cookie is worth, and to whom."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.admin import Visitor, reset_password
from tests.servers import PASSWORD, Install, Installation, Server

LOGIN = "owa_login"


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_SCHEDULER="0", OWA_TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


@pytest.fixture
def browser(server: Server) -> Visitor:
    return Visitor(server)


@pytest.fixture
def admin(browser: Visitor) -> Visitor:
    return browser.log_in()


def test_the_way_in_and_out(browser: Visitor) -> None:
    refused = browser.get("/admin/audit?before=9")
    assert refused.status == 303
    assert refused.headers["Location"].endswith("/login?next=%2Fadmin%2Faudit%3Fbefore%3D9")
    assert browser.send_login(next="/admin/audit?before=9").headers["Location"].endswith("/admin/audit?before=9")
    assert browser.get("/admin/audit").status == 200
    browser.get("/admin/account")
    assert browser.post("/logout").headers["Location"].endswith("/login")
    assert LOGIN not in browser.cookies
    assert browser.get("/admin/audit").status == 303


def test_a_login_without_a_way_leads_to_the_admins_pages(browser: Visitor) -> None:
    path = browser.send_login().headers["Location"]
    assert path.endswith("/admin")
    assert browser.get("/admin").headers["Location"].startswith(f"http://127.0.0.1:{browser.server.port}/admin/")


def test_the_wrong_password_keeps_out_and_says_nothing(browser: Visitor) -> None:
    wrong, unknown = browser.send_login(password="wrong"), browser.send_login("nobody")
    assert wrong.status == unknown.status == 403
    assert b"Name and password do not belong together." in wrong.body
    assert wrong.body.replace(b"admin", b"nobody") == unknown.body.replace(b"admin", b"nobody")
    assert b"wrong" not in wrong.body
    assert browser.get("/admin/audit").status == 303


def test_the_token_changes_at_login_whatever_the_browser_had(admin: Visitor) -> None:
    first = admin.cookies[LOGIN]
    admin.log_in()
    assert admin.cookies[LOGIN].value != first.value
    admin.cookies[LOGIN] = first
    assert admin.get("/admin/audit").status == 303, "the login that was replaced has ended"


def test_a_planted_cookie_is_not_used_after_the_login(server: Server, admin: Visitor) -> None:
    """Session fixation: the attacker has the victim log in with a cookie that he knows."""
    attacker, victim = Visitor(server), Visitor(server)
    attacker.get("/login")
    victim.cookies = dict(attacker.cookies)
    victim.cookies[LOGIN] = admin.cookies[LOGIN]
    admin.post("/logout")
    victim.log_in()
    assert victim.cookies[LOGIN].value != victim.cookies["owa_form"].value
    for known in ({}, {LOGIN: attacker.cookies["owa_form"]}, dict(admin.cookies)):
        attacker.cookies |= known
        assert attacker.get("/admin/audit").status == 303


def test_a_login_that_was_ended_is_worth_nothing(installation: Installation, admin: Visitor) -> None:
    cookie = admin.cookies[LOGIN]
    before = len(installation.query("SELECT * FROM owa_login"))
    admin.post("/logout")
    assert len(installation.query("SELECT * FROM owa_login")) == before - 1
    admin.cookies[LOGIN] = cookie
    assert admin.get("/admin/audit").status == 303


def test_logins_that_somebody_else_ends_are_out_at_the_next_request(
    installation: Installation, server: Server, admin: Visitor
) -> None:
    other = Visitor(server).log_in()
    assert admin.post("/admin/account", {"action": "end"}).status == 303
    assert other.get("/admin/audit").status == 303
    assert admin.get("/admin/audit").status == 200
    reset_password(installation)
    assert admin.get("/admin/audit").status == 303


def test_a_cookie_that_was_tampered_with_is_worth_nothing(installation: Installation, admin: Visitor) -> None:
    good = admin.cookies[LOGIN].value
    (row,) = installation.query("SELECT token_hash FROM owa_login ORDER BY began_at DESC LIMIT 1")
    bad = [
        "",
        "x",
        good[:-2],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "A" + good[1:],
        good + good,
        row["token_hash"],
    ]
    bad += [
        '"\\377\\000"',
        "%00",
        "=" * 50,
        "\xff\xfe",
        "a" * 4_000,
        admin.cookies.get("owa_form", admin.cookies[LOGIN]).value[::-1],
    ]
    for value in bad:
        answer = admin.server.request("GET", "/admin/audit", headers={"Cookie": f"{LOGIN}={value}"})
        assert answer.status == 303, value
    assert admin.get("/admin/audit").status == 200


def test_a_cookie_of_another_kind_is_no_login(admin: Visitor) -> None:
    """All are signed with one key."""
    stranger = Visitor(admin.server)
    stranger.get("/login")
    stranger.cookies[LOGIN] = stranger.cookies["owa_form"]
    assert stranger.get("/admin/audit").status == 303


# The cookies' attributes


def test_cookies_are_for_http_only_and_for_this_site(admin: Visitor) -> None:
    admin.post("/admin/account", {"action": "end"})
    assert set(admin.cookies) == {LOGIN, "owa_form", "owa_flash"}
    for morsel in admin.cookies.values():
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
        assert not morsel["secure"]
        assert not morsel["domain"]


def test_cookies_are_secure_behind_a_trusted_proxy_with_https(server: Server) -> None:
    browser = Visitor(
        server,
        X_Forwarded_Proto="https",
        X_Forwarded_For="198.51.100.9",
        Host="stats.example",
        Origin="https://stats.example",
    )
    answer = browser.send_login()
    assert answer.headers["Location"] == "https://stats.example/admin"
    assert browser.cookies[LOGIN]["secure"] is True
    assert "198.51.100.9" in browser.text("/admin/account")


def test_nobody_else_is_believed_about_https(install: Install) -> None:
    with install(OWA_SCHEDULER="0").serve() as server:
        browser = Visitor(server, X_Forwarded_Proto="https")
        browser.get("/login")
        assert not browser.cookies["owa_form"]["secure"]


# The throttle


def attack(installation: Installation, subject: str) -> None:
    """As if somebody had just guessed often enough to wait for a minute."""
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        row = (subject, 20, time.time_ns() // 1_000)
        connection.execute("INSERT OR REPLACE INTO owa_login_failure VALUES (?, ?, ?)", row)


@pytest.mark.parametrize("subject", ["user admin", "address 198.51.100.9"])
def test_who_guesses_waits(install: Install, subject: str) -> None:
    installation = install(OWA_SCHEDULER="0", OWA_TRUSTED_PROXIES="127.0.0.1")
    with installation.serve() as server:
        Visitor(server, X_Forwarded_For="198.51.100.9").log_in()
        attack(installation, subject)
        waiting = Visitor(server, X_Forwarded_For="198.51.100.9").send_login()
        assert waiting.status == 429
        assert int(waiting.headers["Retry-After"]) > 0
        assert b"Try again in" in waiting.body
        elsewhere = Visitor(server, X_Forwarded_For="203.0.113.9").send_login()
        assert elsewhere.status == (429 if subject == "user admin" else 303)
        reset_password(installation)  # frees the name
        Visitor(server, X_Forwarded_For="203.0.113.9").log_in()


def test_ones_own_password_is_throttled_too(install: Install) -> None:
    """Who finds an open browser must not find out the password."""
    installation = install(OWA_SCHEDULER="0")
    with installation.serve() as server:
        browser = Visitor(server).log_in()
        attack(installation, "user admin")
        form = {"action": "password", "current": PASSWORD, "password": "another horse"}
        assert browser.post("/admin/account", form).status == 429


# Where a login leads


@pytest.mark.parametrize(
    "way",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/admin\r\nSet-Cookie: owned=1",
        "/admin\r\n\r\n<script>",
        " //evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/%5Cevil.example",
        "/%2f%2fevil.example",
        "/%09/evil.example",
        "/admin/%0d%0aSet-Cookie:owned=1",
        "@evil.example",
        ".evil.example",
        "",
    ],
)
def test_a_login_leads_to_no_other_host(browser: Visitor, way: str) -> None:
    shown = browser.get(f"/login?next={quote(way)}")
    assert shown.status == 200
    answer = browser.send_login(next=way)
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"http://127.0.0.1:{browser.server.port}/")
    assert not answer.headers["Location"].startswith(f"http://127.0.0.1:{browser.server.port}//")
    assert set(browser.cookies) <= {LOGIN, "owa_form"}


def test_own_password(installation: Installation, server: Server, admin: Visitor) -> None:
    other = Visitor(server).log_in()
    change = {"action": "password", "current": PASSWORD}
    for form, status in (
        (change | {"password": "short"}, 400),
        (change | {"password": "another horse", "current": "wrong"}, 403),
        ({"action": "password"}, 400),
    ):
        refused = admin.post("/admin/account", form)
        assert refused.status == status
        assert b'role="alert"' in refused.body
    assert other.get("/admin/account").status == 200
    assert admin.post("/admin/account", change | {"password": "another horse"}).status == 303
    assert "The password was changed." in admin.text("/admin/account")
    assert "The password was changed." not in admin.text("/admin/account")
    assert other.get("/admin/account").status == 303
    assert other.send_login().status == 403
    other.log_in(password="another horse")
    reset_password(installation)

"""Somebody at the admin's pages: a client that keeps cookies and sends forms with their tokens."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from html import unescape
from http.cookies import Morsel, SimpleCookie
from typing import Self
from urllib.parse import urlencode, urlsplit

from owa.accounts import users
from owa.db.engine import Database
from tests.html_forms import Fields, form_of, token_of
from tests.servers import PASSWORD, Answer, Installation, Server

FORM = "application/x-www-form-urlencoded"
ADMIN = "admin"
"""The account that every installation of the tests has; its password is `PASSWORD`."""


def add_user(installation: Installation, user_id: str, role: str, sites: Collection[str] = ()) -> None:
    """Make an account with the password `PASSWORD`. `sites`: ids of those that it sees."""
    database = Database(f"sqlite:///{installation.database}")
    with database.writing() as connection:
        users.add_user(connection, users.User(user_id, role, sites=frozenset(sites)), PASSWORD, time.time_ns() // 1_000)
    database.close()


def reset_password(installation: Installation) -> None:
    """Give `ADMIN` his password as a command does it, which ends his logins."""
    done = installation.cli("cmd=change-password", f"user_id={ADMIN}", f"password={PASSWORD}")
    assert (done.status, done.out) == (0, "")


class Visitor:
    """A browser without scripts, on one server."""

    def __init__(self, server: Server, **headers: str) -> None:
        """`headers`: of all of his requests, `_` for `-`."""
        self.server = server
        self.cookies: dict[str, Morsel[str]] = {}
        self.token = ""
        """Of the last page that had a form. It is another one after a login."""
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def log_in(self, user_id: str = ADMIN, password: str = PASSWORD) -> Self:
        """It must succeed. The last page is the user's own account."""
        home = f"{self.server.prefix}/admin/account"
        assert self.follow(self.send_login(user_id, password, next=home)).status == 200
        return self

    def send_login(self, user_id: str = ADMIN, password: str = PASSWORD, **more: str) -> Answer:
        """Send the form of the login page."""
        self.get("/login")
        return self.post("/login", {"user_id": user_id, "password": password}, **more)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def page(self, path: str, status: int = 200) -> str:
        """The HTML at a path."""
        answer = self.get(path)
        assert answer.status == status, answer
        return answer.body.decode()

    def text(self, path: str) -> str:
        """The page at a path, as it is read."""
        return unescape(self.page(path))

    def form(self, path: str, name: str) -> Fields:
        """What the form with a field of that name, on the page at the path, would send: change it, and `post` it."""
        return form_of(self.page(path), name)

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]] | None = None, **more: object) -> Answer:
        """Send a form, with the token of the last page unless `fields` has one. A field that is a list is sent once for
        each of its values."""
        body = urlencode({"csrf_token": self.token, **(fields or {}), **more}, doseq=True).encode()
        return self.post_bytes(path, body)

    def post_bytes(self, path: str, body: bytes, kind: str = FORM) -> Answer:
        """Send bytes as a form."""
        return self._ask("POST", path, body, {"Content-Type": kind} if kind else {})

    def follow(self, answer: Answer) -> Answer:
        """Go where a form led: the answer must be a redirection of ours."""
        assert answer.status == 303, (answer.status, answer.body.decode())
        target = urlsplit(answer.headers["Location"])
        assert target.netloc in ("", f"127.0.0.1:{self.server.port}")
        assert target.path.startswith(self.server.prefix + "/")
        path = target.path.removeprefix(self.server.prefix)
        return self.get(f"{path}?{target.query}" if target.query else path)

    def send(self, path: str, fields: Mapping[str, str | Sequence[str]]) -> str:
        """Send a form that must be accepted; returns the page to which it led."""
        return self.follow(self.post(path, fields)).body.decode()

    def told(self, path: str, **fields: object) -> str:
        """Send a form that must be accepted; returns the sentence on the page to which it led."""
        page = self.follow(self.post(path, None, **fields)).body.decode()
        found = re.search(r'role="status">(.*?)</p>', page, re.DOTALL)
        return unescape(found[1]) if found else ""

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        cookies = {"Cookie": self.cookie_header} if self.cookies else {}
        answer = self.server.request(method, path, body, self._headers | cookies | dict(headers or {}))
        for line in answer.headers.get_all("Set-Cookie") or ():
            self._keep(line)
        if answer.headers.get_content_type() == "text/html":
            self.token = token_of(answer.body.decode()) or self.token
        return answer

    @property
    def cookie_header(self) -> str:
        """All cookies, as they are sent."""
        return "; ".join(f"{name}={cookie.coded_value}" for name, cookie in self.cookies.items())

    def _keep(self, line: str) -> None:
        for name, cookie in SimpleCookie(line).items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie

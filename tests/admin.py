"""Somebody at the admin's pages: a client that keeps cookies and sends forms with their tokens."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from html import unescape
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import urlencode, urlsplit

from owa.accounts import users
from owa.db.engine import Database
from tests.html_forms import Fields, form_of, token_of
from tests.servers import PASSWORD, Answer, Installation, Server

ADMIN = "admin"
"""The account that every installation of the tests has; its password is `PASSWORD`."""


def add_user(installation: Installation, user_id: str, role: str, sites: Collection[str] = ()) -> None:
    """Make an account with the password `PASSWORD`. `sites`: ids of those that it sees."""
    database = Database(f"sqlite:///{installation.database}")
    with database.writing() as connection:
        users.add_user(connection, users.User(user_id, role, sites=frozenset(sites)), PASSWORD, time.time_ns() // 1_000)
    database.close()


class Visitor:
    """A browser without scripts, on one server."""

    def __init__(self, server: Server) -> None:
        self.cookies: dict[str, str] = {}
        self.token = ""
        """Of the last page that had a form."""
        self._server = server

    def log_in(self, user_id: str = ADMIN, password: str = PASSWORD) -> Self:
        """It must succeed. The last page is the user's own account."""
        self.get("/login")
        home = f"{self._server.prefix}/admin/account"
        answer = self.post("/login", {"user_id": user_id, "password": password, "next": home})
        assert self.follow(answer).status == 200
        return self

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def page(self, path: str, status: int = 200) -> str:
        """The HTML at a path."""
        answer = self.get(path)
        assert answer.status == status, answer
        return answer.body.decode()

    def form(self, path: str, name: str) -> Fields:
        """What the form with a field of that name, on the page at the path, would send: change it, and `post` it."""
        return form_of(self.page(path), name)

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]] | None = None, **more: object) -> Answer:
        """Send a form, with the token of the last page unless `fields` has one. A field that is a list is sent once for
        each of its values."""
        body = urlencode({"csrf_token": self.token, **(fields or {}), **more}, doseq=True).encode()
        return self._ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def follow(self, answer: Answer) -> Answer:
        """Go where a form led: the answer must be a redirection of ours."""
        assert answer.status == 303, (answer.status, answer.body.decode())
        target = urlsplit(answer.headers["Location"])
        assert target.netloc in ("", f"127.0.0.1:{self._server.port}")
        assert target.path.startswith(self._server.prefix + "/")
        path = target.path.removeprefix(self._server.prefix)
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
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Cookie": cookies} if cookies else {}
        answer = self._server.request(method, path, body, sent | dict(headers or {}))
        for line in answer.headers.get_all("Set-Cookie") or ():
            self._keep(line)
        if answer.headers.get_content_type() == "text/html":
            self.token = token_of(answer.body.decode()) or self.token
        return answer

    def _keep(self, line: str) -> None:
        for name, cookie in SimpleCookie(line).items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.coded_value

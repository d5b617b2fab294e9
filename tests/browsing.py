"""A browser without a screen: keeps cookies, and sends the forms of pages with their tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode

from tests.servers import Answer, Installation, Server

PASSWORD = "correct horse"
FORM = "application/x-www-form-urlencoded"


class Browsing:
    """One visitor of a server."""

    def __init__(self, server: Server, **headers: str) -> None:
        """`headers`: of all of his requests, `_` for `-`."""
        self.server = server
        self.cookies: dict[str, Morsel[str]] = {}
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def get(self, path: str) -> Answer:
        return self._request("GET", path, None)

    def post(self, path: str, fields: Mapping[str, str] | None = None, *, page: str = "") -> Answer:
        """Send a form, with the token of `page` (by default: of the same path)."""
        return self.send(path, urlencode({"csrf_token": self.token(page or path)} | dict(fields or {})).encode())

    def send(self, path: str, body: bytes, kind: str = FORM) -> Answer:
        """Send bytes as a form."""
        return self._request("POST", path, body, kind)

    def token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="(\w+)"', self.get(path).body.decode())
        assert found, path
        return found[1]

    def log_in(self, user_id: str = "admin", password: str = PASSWORD, **fields: str) -> Answer:
        return self.post("/login", {"user_id": user_id, "password": password} | fields)

    def text(self, path: str) -> str:
        """A page that can be seen, as it is read."""
        answer = self.get(path)
        assert answer.status == 200, (path, answer.status)
        return unescape(answer.body.decode())

    def _request(self, method: str, path: str, body: bytes | None, kind: str = "") -> Answer:
        headers = self._headers | ({"Content-Type": kind} if kind else {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        answer = self.server.request(method, path, body, headers)
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer


def give_password(installation: Installation, user_id: str = "admin") -> None:
    """Give a user the password that tests log in with."""
    assert installation.cli("cmd=change-password", f"user_id={user_id}", f"password={PASSWORD}").status == 0

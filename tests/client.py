"""A browser without a screen: logs in, keeps cookies, and sends forms with their token."""

import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from owa.accounts.users import User, add_user
from owa.app import open_installation
from tests.servers import Answer, Installation, Server

PASSWORD = "a password for tests"


def add(installation: Installation, user_id: str, role: str, *sites: str) -> None:
    """Give an account to a user."""
    opened = open_installation({"OWA_DATA_DIR": str(installation.data_dir)}, {})
    with opened.database.writing() as connection:
        add_user(connection, User(user_id, role, sites=frozenset(sites)), PASSWORD, opened.clock.now())
    opened.close()


class Client:
    """A login on a server."""

    def __init__(self, server: Server, user_id: str) -> None:
        self._server = server
        self._cookies: dict[str, str] = {}
        self._token = ""
        self.get("/login")
        assert self.post("/login", user_id=user_id, password=PASSWORD).status == 303
        self.get("/admin/account")

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def page(self, path: str, status: int = 200) -> str:
        """The page's HTML."""
        answer = self.get(path)
        assert answer.status == status
        return answer.body.decode()

    def post(self, path: str, **fields: object) -> Answer:
        """Send a form. A field that is a list is sent once for each of its values."""
        return self._ask("POST", path, urlencode({"csrf_token": self._token, **fields}, doseq=True).encode())

    def told(self, path: str, **fields: object) -> str:
        """Send a form; returns the sentence on the page that it leads to."""
        answer = self.post(path, **fields)
        assert answer.status == 303, answer.body
        found = re.search(r'role="status">(.*?)</p>', self.page(str(answer.headers["Location"])), re.DOTALL)
        return unescape(found[1]) if found else ""

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._server.request(method, path, body, headers)
        for line in answer.headers.get_all("Set-Cookie") or []:
            self._cookies.update({name: morsel.coded_value for name, morsel in SimpleCookie(line).items()})
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.body.decode(errors="replace")):
            self._token = found[1]
        return answer

"""Who is asking, and what he may do: logins in a signed cookie, a role's capabilities, tokens against forged forms."""

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pyramid.interfaces import ICSRFStoragePolicy
from pyramid.request import Request
from pyramid.security import Allowed, Denied
from webob.cookies import SignedCookieProfile
from zope.interface import implementer

from owa.accounts import logins
from owa.accounts.audit import Actor
from owa.accounts.logins import LONGEST, Login
from owa.accounts.secret import make_secret, read_secret
from owa.accounts.users import User, find_user
from owa.errors import DatabaseUnavailable
from owa.views.address import address_of

if TYPE_CHECKING:
    from owa.app import Installation

LOGIN_COOKIE = "owa_login"
FORM_COOKIE = "owa_form"
FLASH_COOKIE = "owa_flash"
SIGNING_KEY = "cookies"
"""The name under which the installation keeps the key that signs."""

NOTE_PATIENCE = 0.5
"""Seconds that a page may wait for the note of its login's use."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is logged in, and by which login."""

    user: User
    login: Login

    def may(self, capability: str) -> bool:
        return self.user.may(capability)


class Cookies:
    """The signed cookies."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation

    @cached_property
    def _secret(self) -> str:
        with self._installation.database.reading() as connection:
            found = read_secret(connection, SIGNING_KEY)
        if found:
            return found
        with self._installation.database.writing() as connection:
            return make_secret(connection, SIGNING_KEY)

    def token(self, request: Request, cookie: str) -> str | None:
        """What the cookie holds; None: there is none, or it was not signed here."""
        value = self._profile(request, cookie).bind(request).get_value()
        return value if isinstance(value, str) else None

    def set(self, request: Request, cookie: str, token: str) -> None:
        """Set it on the response to come."""
        self._add(request, self._profile(request, cookie).get_headers(token))

    def clear(self, request: Request, cookie: str) -> None:
        self._add(request, self._profile(request, cookie).get_headers(None, max_age=0))

    def sign(self, text: str) -> str:
        return hmac.new(self._secret.encode(), text.encode(), sha256).hexdigest()

    def _profile(self, request: Request, cookie: str) -> SignedCookieProfile:
        return SignedCookieProfile(
            self._secret,
            cookie,
            cookie,
            secure=request.scheme == "https",
            httponly=True,
            samesite="Lax",
            path=request.script_name + "/" if request.script_name else "/",
            max_age=LONGEST if cookie == LOGIN_COOKIE else None,
        )

    @staticmethod
    def _add(request: Request, headers: list[tuple[str, str]]) -> None:
        request.add_response_callback(lambda _request, response: response.headerlist.extend(headers))


class SecurityPolicy:
    """Pyramid's: permissions are capabilities."""

    def __init__(self, installation: "Installation", cookies: Cookies) -> None:
        self._installation = installation
        self._cookies = cookies

    def identity(self, request: Request) -> Identity | None:
        """Raises `DatabaseUnavailable`."""
        if not hasattr(request, "_owa_identity"):
            request._owa_identity = self._find(request)
        found: Identity | None = request._owa_identity
        return found

    def authenticated_userid(self, request: Request) -> str | None:
        identity = self.identity(request)
        return identity.user.user_id if identity else None

    def permits(self, request: Request, _context: object, permission: str) -> Allowed | Denied:
        identity = self.identity(request)
        if identity is None:
            return Denied("Nobody is logged in.")
        if not identity.may(permission):
            return Denied(f"{identity.user.user_id} may not {permission.replace('_', ' ')}.")
        return Allowed("The role has it.")

    def remember(self, request: Request, userid: str, *, token: str, **_options: Any) -> list[tuple[str, str]]:
        """Let the browser keep the token of a login."""
        self._cookies.set(request, LOGIN_COOKIE, token)
        return []

    def forget(self, request: Request, **_options: Any) -> list[tuple[str, str]]:
        """End the login, here and in the database."""
        if identity := self.identity(request):
            with self._installation.database.writing() as connection:
                logins.end(connection, identity.login.key)
        self._cookies.clear(request, LOGIN_COOKIE)
        return []

    def _find(self, request: Request) -> Identity | None:
        token = self._cookies.token(request, LOGIN_COOKIE)
        if not token:
            return None
        now = self._installation.clock.now()
        with self._installation.database.reading() as connection:
            login = logins.find(connection, token, now)
            user = find_user(connection, login.user_id) if login else None
        if login is None or user is None:
            return None
        if logins.is_note_due(login, now):
            with suppress(DatabaseUnavailable), self._installation.database.writing(NOTE_PATIENCE) as connection:
                logins.note_use(connection, login, now)
        return Identity(user, login)


@implementer(ICSRFStoragePolicy)
class FormTokens:
    """Tokens against forged forms: bound to the login, or, before there is one, to a cookie of their own."""

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies

    def get_csrf_token(self, request: Request) -> str:
        identity: Identity | None = request.identity
        if identity:
            return self._cookies.sign(identity.login.key)
        token = getattr(request, "_owa_form", None) or self._cookies.token(request, FORM_COOKIE)
        return self._cookies.sign(token) if token else self.new_csrf_token(request)

    def new_csrf_token(self, request: Request) -> str:
        request._owa_form = secrets.token_urlsafe(16)
        self._cookies.set(request, FORM_COOKIE, request._owa_form)
        return self._cookies.sign(request._owa_form)

    def check_csrf_token(self, request: Request, supplied: str) -> bool:
        return hmac.compare_digest(self.get_csrf_token(request).encode(), supplied.encode("utf-8", "replace"))


def actor_of(request: Request) -> Actor:
    """Who is noted in the audit trail."""
    return Actor(request.identity.user.user_id, address_of(request))


def has_been_logged_in(request: Request) -> bool:
    """Whether a login was given to this browser. With the database away nobody can look up whether it still counts."""
    try:
        return request.registry["owa"].cookies.token(request, LOGIN_COOKIE) is not None
    except DatabaseUnavailable:  # this process has not read the signing key yet
        return False

"""Every POST that changes something wants the token of the very login that sends it."""

import pytest
from sqlalchemy import func, select

from owa.accounts.tables import AUDIT, LOGIN
from owa.accounts.users import all_users
from tests.functional.test_permissions import FREE_OF_TOKENS, MATRIX
from tests.web import Web, token

EVERYTHING = {"act": "send", "user_id": "viewer", "role": "admin", "password": "another horse", "next": "/"}
"""Fields for whatever form it is."""

ACTIONS = ("", "change", "password", "end", "remove")


def posted(web: Web) -> list[str]:
    """The routes that take a POST."""
    safe = {"GET", "HEAD", "OPTIONS"}
    return sorted({view["route_name"] for view in web.views() if not view["methods"] or view["methods"] - safe})


def state(web: Web) -> object:
    with web.installation.database.reading() as connection:
        trail = connection.execute(select(func.count()).select_from(AUDIT)).scalar_one()
        open_logins = set(connection.execute(select(LOGIN.c.token_hash)).scalars())
        return trail, open_logins, all_users(connection)


def test_no_form_works_without_its_token(web: Web) -> None:
    refused = set()
    admin, other, nobody = web.visitor("admin"), web.visitor("admin"), web.visitor()
    tokens = {
        "none": None,
        "empty": "",
        "made up": "0" * 64,
        "odd": "\N{SNOWMAN}",
        "of another login": token(other.get("/admin/account")),
        "of nobody": token(nobody.get("/login")),
    }
    guarded = {route for route in posted(web) if not route.startswith("__")} - FREE_OF_TOKENS
    before = state(web)
    for route in guarded:
        for name, value in tokens.items():
            for action in ACTIONS:
                fields = EVERYTHING | {"action": action} | ({} if value is None else {"csrf_token": value})
                answer = admin.post(MATRIX[route][0], fields, expect_errors=True)
                assert answer.status_int in (400, 404), (route, action, name)  # 404: there is no such action
                refused |= {route} if answer.status_int == 400 else set()
    assert state(web) == before
    assert refused == guarded >= {"login", "logout", "account", "users", "user"}


def test_the_token_counts_for_nobody_but_its_login(web: Web) -> None:
    nobody = web.visitor()
    own = token(nobody.get("/login"))
    nobody.post("/login", {"csrf_token": own, "user_id": "admin", "password": "wrong"}, status=403)
    assert token(nobody.get("/login")) == own
    web.visitor().post("/login", {"csrf_token": own, "user_id": "admin", "password": "wrong"}, status=400)


def test_views_that_are_free_of_tokens_are_listed(web: Web) -> None:
    own = [view for view in web.views() if not view["exception_only"]]  # a view of an error changes nothing
    assert {view["route_name"] for view in own if view.get("require_csrf") is False} == FREE_OF_TOKENS


def test_what_is_free_of_tokens_takes_a_post_from_anywhere(web: Web) -> None:
    assert web.visitor().post("/blank.php", {"a": "b"}).status_int == 200
    assert web.visitor().post("/log.php", {"owa_event_type": "x"}).status_int == 204


def test_over_https_the_form_must_come_from_a_page_of_ours(web: Web) -> None:
    admin = web.visitor("admin")
    fields = {"csrf_token": token(admin.get("/admin/account")), "action": "end"}
    https = {"wsgi.url_scheme": "https", "HTTP_HOST": "localhost"}
    for origin, status in (("https://evil.example", 400), ("null", 400), ("https://localhost", 303)):
        answer = admin.post("/admin/account", fields, {"Origin": origin}, extra_environ=https, expect_errors=True)
        assert answer.status_int == status, origin


@pytest.mark.parametrize("route", ["users", "user", "account"])
def test_with_the_token_the_form_is_taken(web: Web, route: str) -> None:
    """Else the tests above would show nothing."""
    admin = web.visitor("admin")
    path = MATRIX[route][0]
    action = {"users": "", "user": "end", "account": "end"}[route]
    fields = {"user_id": "new", "role": "viewer", "action": action, "csrf_token": token(admin.get(path))}
    assert admin.post(path, fields).status_int in (200, 303)

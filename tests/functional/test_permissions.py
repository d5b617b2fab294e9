"""Who may open which page, and that no form can be forged: for every route that there is."""

from http import HTTPStatus

import pytest

from owa.accounts.roles import Capability
from tests.web import ROLES, Web

VISITORS = ("nobody", *ROLES)

MATRIX: dict[str, tuple[str, int, int, int, int]] = {
    # route: (path, and the status for nobody, viewer, analyst, admin)
    "__static/": ("/static/owa.css", 200, 200, 200, 200),
    "log": ("/log.php", 200, 200, 200, 200),  # the pixel, whoever asks
    "blank": ("/blank.php", 200, 200, 200, 200),
    "tracker": ("/modules/base/dist/owa.tracker.js", 200, 200, 200, 200),
    "old_tracker": ("/modules/base/js/owa.tracker-combined-min.js", 200, 200, 200, 200),
    "start": ("/", 200, 200, 200, 200),
    "login": ("/login", 200, 200, 200, 200),
    "logout": ("/logout", 404, 404, 404, 404),  # by POST only
    "metrics": ("/metrics", 200, 200, 200, 200),  # to the addresses of monitors: see test_monitoring.py
    "health": ("/health", 200, 200, 200, 200),
    "health_live": ("/health/live", 200, 200, 200, 200),
    "health_ready": ("/health/ready", 200, 200, 200, 200),
    "admin": ("/admin", 303, 303, 303, 303),  # leads to where one may go
    "account": ("/admin/account", 303, 200, 200, 200),
    "queues": ("/admin/queues", 303, 200, 200, 200),
    "failed": ("/admin/failed", 303, 403, 403, 200),
    "failed_groups": ("/admin/failed/by-error", 303, 403, 403, 200),
    "failed_event": ("/admin/failed/7", 303, 403, 403, 404),  # there is none
    "diagnose": ("/admin/diagnose", 303, 403, 403, 200),
    "waiting": ("/admin/waiting", 303, 403, 403, 200),
    "trace": ("/admin/trace", 303, 403, 403, 200),
    "scheduler": ("/admin/scheduler", 303, 403, 403, 200),
    "runs": ("/admin/scheduler/runs?job=drain", 303, 403, 403, 200),
    "general": ("/admin/settings/general", 303, 403, 403, 200),
    "modules": ("/admin/settings/modules", 303, 403, 403, 200),
    "module": ("/admin/settings/modules/file_queue", 303, 403, 403, 404),  # it has no settings
    "module_page": ("/admin/modules/file_queue/quarantine", 303, 403, 403, 200),
    "sites": ("/admin/settings/sites", 303, 200, 200, 200),
    "site": ("/admin/settings/sites/nowhere", 303, 404, 404, 404),  # there is none
    "goals": ("/admin/settings/sites/nowhere/goals", 303, 404, 404, 404),  # as there
    "senders": ("/admin/settings/senders", 303, 403, 403, 200),
    "users": ("/admin/settings/users", 303, 403, 403, 200),
    "user": ("/admin/settings/users/edit?user_id=viewer", 303, 403, 403, 200),
    "audit": ("/admin/audit", 303, 403, 403, 200),
}

MONITORING = {"metrics", "health", "health_live", "health_ready"}
OPEN_TO_ALL = {"__static/", "log", "tracker", "old_tracker", "blank", "start", "login", "logout"} | MONITORING
"""Routes whose views ask for no capability. `start` has a guard of its own: see test_start_page.py."""

FREE_OF_TOKENS = {"blank", "log"}
"""Routes that take a POST from anywhere."""


def test_every_route_has_a_row(web: Web) -> None:
    assert set(web.routes()) == set(MATRIX)


@pytest.mark.parametrize("route", MATRIX)
def test_a_page_is_open_to_whom_the_matrix_says(web: Web, route: str) -> None:
    path, *expected = MATRIX[route]
    for visitor, status in zip(VISITORS, expected, strict=True):
        answer = web.visitor("" if visitor == "nobody" else visitor).get(path, expect_errors=True)
        assert answer.status_int == status, visitor
        if status == HTTPStatus.SEE_OTHER and visitor == "nobody":
            assert "/login" in answer.headers["Location"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("route", sorted(set(MATRIX) - OPEN_TO_ALL))
def test_nobody_and_the_powerless_get_nothing_by_any_method(web: Web, route: str, method: str) -> None:
    path, *expected = MATRIX[route]
    for visitor, status in zip(VISITORS, expected, strict=True):
        if status == 200 or route == "admin" or visitor == "admin":
            continue
        browser = web.visitor("" if visitor == "nobody" else visitor)
        fields = {"action": "remove", "csrf_token": "x"}
        answer = browser.request(
            path, method=method, expect_errors=True, **({"POST": fields} if method == "POST" else {})
        )
        assert answer.status_int in (303, 400, 403, 404, 405)
        assert "csrf_token" not in answer.text  # which each page of the admin's has


def test_views_ask_for_a_capability_unless_they_are_listed(web: Web) -> None:
    found = web.router.registry.introspector.get_category("permissions")
    asked = {
        view["route_name"]
        for entry in found
        for view in _views_of(entry)
        if entry["introspectable"]["value"] in set(Capability)
    }
    routed = {view["route_name"] for view in web.views()}
    assert routed - asked <= OPEN_TO_ALL


def _views_of(entry: dict[str, object]) -> list[dict[str, str]]:
    related = entry["related"]
    assert isinstance(related, list)
    return [dict(view) for view in related if view.category_name == "views" and view["route_name"]]


def test_a_view_that_says_nothing_is_for_admins(web: Web) -> None:
    from pyramid.config import Configurator
    from pyramid.response import Response
    from webtest import TestApp

    config = Configurator(registry=web.router.registry)
    config.add_route("forgotten", "/forgotten")
    config.add_view(lambda _request: Response("secret"), route_name="forgotten")
    config.commit()
    for visitor, status in (("", 403), ("viewer", 403), ("analyst", 403), ("admin", 200)):
        browser: TestApp = web.visitor(visitor)
        assert browser.get("/forgotten", expect_errors=True).status_int == status

"""Every page, empty and full, in light, dark and narrow: all can read it, and nothing that it shows attacks."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from owa.db.configuration import site_id_of
from tests.e2e.conftest import unavailable
from tests.e2e.crowded import EVE, FAILED, HOSTILE_SITE, XSS, crowd, install_packages, use
from tests.e2e.crowded import WIDE as WIDE_TEXT
from tests.failures import execute
from tests.functional.test_permissions import MATRIX, MONITORING
from tests.packages import on_the_path
from tests.servers import PASSWORD, SITE_ID, Install, Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.e2e

NO_PAGES = {"log", "tracker", "old_tracker", "__static/", "blank", "logout", "admin"} | MONITORING
"""Routes that show nothing of their own. All others are visited at the path that they have in the matrix."""

GOALS = f"/admin/settings/sites/{site_id_of(HOSTILE_SITE)}/goals"

MORE = (
    "/nowhere",
    "/admin/failed?type=none",
    "/admin/failed?state=retrying",
    f"/admin/failed/{FAILED.guid}",
    f"/admin/trace?guid={FAILED.guid}",
    f"/admin/trace?of=session&id={FAILED.session_id}",
    "/admin/trace?" + urlencode({"id": XSS}),
    "/admin/trace?of=visitor&id=7",
    "/admin/waiting?" + urlencode({"id": f"{XSS}{WIDE_TEXT}"}),
    "/admin/waiting?id=7",
    "/admin/scheduler/runs?job=drain&before=1",
    "/admin/settings/modules/referer_spam",
    f"/admin/settings/sites/{site_id_of(HOSTILE_SITE)}",
    f"/admin/settings/sites/{SITE_ID}/goals",
    f"{GOALS}?" + urlencode({"address": f"/{XSS}{WIDE_TEXT}"}),
    f"{GOALS}?goal=3&address=https://[",
    "/admin/settings/users/edit?" + urlencode({"user_id": EVE}),
    "/admin/settings/users/edit?user_id=admin",
)
"""What else is visited when there is something to see."""

FORMS = (
    ("/admin/account", "current", {"current": "wrong", "password": "long enough"}),
    ("/admin/settings/general", "base.timezone", {"base.timezone": "Mars", "base.drain_interval": "-1"}),
    ("/admin/settings/sites", "site.domain", {"site.domain": "no address"}),
    (GOALS, "goal.name", {"goal.name": "", "goal.pattern": f"https://other.example/{WIDE_TEXT}", "goal.value": "much"}),
    ("/admin/settings/users", "user_id", {"user_id": "admin"}),
    ("/admin/settings/users", "user_id", {"csrf_token": "forged"}),
)
"""Forms that are refused: where they are, a field of theirs, and what is typed."""

ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]
ROOM = ["target-size", "scrollable-region-focusable", "meta-viewport"]
"""Rules whose outcome the width of the window changes."""
NOT_OURS = 'script:not([src*="/static/"]), img'
"""Elements that no page of ours has."""
WIDE: "ViewportSize" = {"width": 1200, "height": 800}
NARROW: "ViewportSize" = {"width": 360, "height": 800}


@pytest.fixture(scope="module", params=["empty", "full"])
def installation(
    request: pytest.FixtureRequest, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    packages = tmp_path_factory.mktemp("packages")
    if request.param == "full":
        install_packages(packages)
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(packages))
    if request.param == "full":
        crowd(installation)
    else:
        execute(installation, "DELETE FROM owa_site")
        execute(installation, "DELETE FROM owa_audit")
    return installation


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        if installation.rows("owa_site"):
            use(installation, server)
        yield server


@pytest.fixture(scope="module")
def axe() -> str:
    """The code of axe-core."""
    if find_spec("axe_playwright_python") is None:
        unavailable("axe-playwright-python is not installed")
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


class Visit:
    """Goes from page to page, and notes what is wrong with each."""

    def __init__(self, page: "Page", server: Server, axe: str) -> None:
        """`axe`: the code of axe-core."""
        self.problems: list[str] = []
        self._page = page
        self._root = f"http://127.0.0.1:{server.port}"
        self._axe = axe

    def see(self, path: str) -> None:
        self._page.goto(self._root + path)
        self.judge(path)

    def send(self, path: str, field: str, typed: dict[str, str]) -> None:
        """Send a form without the browser's own checks."""
        self._page.goto(self._root + path)
        with self._page.expect_navigation():
            self._page.evaluate(
                """([field, typed]) => {
                    const form = document.querySelector(`main [name="${field}"]`).form;
                    for (const name in typed) form.elements[name].value = typed[name];
                    form.noValidate = true;
                    form.querySelector("button").click();
                }""",
                [field, typed],
            )
        self.judge(f"{path} after {typed}")

    def log_in(self, user_id: str) -> None:
        self.send("/login", "user_id", {"user_id": user_id, "password": "wrong"})
        self._page.get_by_label("Password").fill(PASSWORD)
        self._page.get_by_role("button", name="Log in").click()
        self._page.get_by_role("button", name="Log out").wait_for()

    def judge(self, what: str) -> None:
        """In light and wide, then dark, then narrow."""
        self._page.evaluate(self._axe)
        self._note(what, *self._violations(ALL_RULES), *self._oddities())
        self._page.emulate_media(color_scheme="dark")
        self._note(f"{what} in dark", *self._violations(CONTRAST))
        self._page.set_viewport_size(NARROW)
        self._note(f"{what}, narrow", *self._violations(ROOM), *self._oddities())
        self._page.emulate_media(color_scheme="light")
        self._page.set_viewport_size(WIDE)

    def _note(self, what: str, *problems: str) -> None:
        self.problems += [f"{what}: {problem}" for problem in problems]

    def _violations(self, rules: list[str]) -> list[str]:
        options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
        found = self._page.evaluate("async options => (await axe.run(options)).violations", options)
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    def _oddities(self) -> Iterator[str]:
        if "OWA" not in self._page.title():
            yield "it has no title"
        if self._page.evaluate(f"'owned' in window || document.querySelector(`{NOT_OURS}`) !== null"):
            yield "what was stored is taken for markup"
        if self._page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            yield "it is wider than its window"


def test_all_can_be_read_by_all(browser: "Browser", installation: Installation, server: Server, axe: str) -> None:
    # Without the policy a stored script would run, and be noticed.
    with browser.new_context(bypass_csp=True, color_scheme="light", viewport=WIDE) as context:
        visit = Visit(context.new_page(), server, axe)
        visit.see("/login")
        visit.log_in("admin")
        for path in (MATRIX[route][0] for route in MATRIX if route not in NO_PAGES):
            visit.see(path)
        if installation.rows("owa_site"):
            for path in MORE:
                visit.see(path)
            for form in FORMS:
                visit.send(*form)
            context.set_extra_http_headers({"X-Forwarded-For": "198.51.100.7"})
            visit.see("/")  # not allowed from there
    assert visit.problems == []

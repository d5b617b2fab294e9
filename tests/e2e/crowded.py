"""An installation as nobody wishes it: long and hostile texts, much of everything, and all that can go wrong."""

import time
from pathlib import Path

from owa.accounts import users
from owa.analytics.goals import SETTING, Goal, dump
from owa.db.configuration import StoredSite, add_site, change_site, site_id_of
from owa.db.engine import Database
from owa.db.modules import Switch, note_failures, switch_module
from tests.admin import Visitor
from tests.failures import event, execute, fail, put
from tests.packages import OTHER_QUEUE, install_package
from tests.servers import DOMAIN, PASSWORD, SITE_ID, Installation, Server, page_view

XSS = "<script>owned = 1</script><img src=x onerror='owned = 1'>"
WIDE = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
EVE = f"eve {XSS}"
"""The name of a user."""
HOSTILE_SITE = f"http://shop.example/{XSS}"
"""The domain of a site."""
FAILED = event(1, f"type {XSS}", f"site {XSS}", page_title=f"title {XSS}", page_url=f"url {XSS}", referer=WIDE * 5)
"""An event that has failed."""

AN_HOUR = 3_600_000_000
"""In microseconds."""
BROKEN = f"raise ValueError({XSS + ' ' + WIDE!r})"
"""The code of a module."""


def install_packages(folder: Path) -> None:
    """What processes find that have the folder on their path: a module that does not load, and a queue."""
    install_package(folder, "broken", BROKEN)
    install_package(folder, "other_queue", OTHER_QUEUE, metadata="Summary: Keeps events in a table of its own.\n")


def crowd(installation: Installation, sites: int = 4, events: int = 3) -> None:
    """Fill it, before its server starts. `sites`, `events`: how many at least, of each kind."""
    database = Database(f"sqlite:///{installation.database}")
    with database.writing() as connection:
        for domain in (HOSTILE_SITE, *(f"https://{number}.example" for number in range(sites))):
            add_site(connection, domain)
        goals = {
            SETTING: dump(Goal(number, f"{XSS} {WIDE}", "begins", f"/{XSS}{WIDE}", 10**14) for number in range(1, 4))
        }
        change_site(connection, StoredSite(site_id_of(HOSTILE_SITE), HOSTILE_SITE, goals, f"name {XSS}", WIDE))
        everybody = frozenset(site_id_of(f"https://{number}.example") for number in range(sites))
        user = users.User(EVE, "viewer", f"real {XSS}", f"{WIDE}@shop.example", everybody)
        now = time.time_ns() // 1_000
        users.add_user(connection, user, PASSWORD, now)
        for name in ("broken", "referer_spam"):
            switch_module(connection, name, Switch.ON, EVE, now)
        note_failures(connection, "utm_campaigns", 3, f"ValueError: {XSS} {WIDE}", f"Traceback\n  {WIDE}", now)
    database.close()
    fail(installation, FAILED, *(event(2 + number, f"shop.purchase_{number % 3}") for number in range(events)))
    trace = f"Traceback (most recent call last):\n  File {WIDE}\nValueError: {XSS}"
    execute(
        installation,
        "UPDATE owa_queue_item SET last_error_msg = last_error_msg || ?, last_error_trace = ?",
        WIDE,
        trace,
    )


def use(installation: Installation, server: Server, events: int = 3) -> None:
    """Let visitors, robots and an admin do what they do."""
    for number in range(events):
        server.track(page_view(page_title=f"title {XSS}", page_url=f"{DOMAIN}/{number}/{XSS}"))
        server.track(page_view(page_title=WIDE, page_url=f"{DOMAIN}/{WIDE}", is_new_session="false"))
    server.track(page_view(event_type=f"type {XSS}"))
    server.track(page_view(site_id=f"site {XSS}"))
    server.track(page_view(), headers={"User-Agent": f"Googlebot/2.1 {XSS}"})
    installation.drain()
    put(installation, event(2_000))  # of long ago
    server.track(page_view(page_title="Waits for the next drain"))
    execute(installation, "UPDATE owa_job_run SET started_at = started_at - ?", AN_HOUR)
    admin = Visitor(server).log_in()
    admin.post("/login", {"user_id": EVE, "password": "wrong"})
    Visitor(server).log_in()
    form = admin.form(f"/admin/settings/sites/{SITE_ID}", "site.description")
    admin.send(f"/admin/settings/sites/{SITE_ID}", form | {"site.description": f"note {XSS} {WIDE}"})

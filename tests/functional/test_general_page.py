"""General settings: every one is there, a bad one is refused, a good one counts at once in the running server."""

import json
from collections.abc import Iterator
from html import unescape

import pytest

from owa.analytics import settings as analytics_settings
from owa.app import CORE_SETTINGS
from owa.exchange.settings import RECEIVING
from tests.admin import Visitor, add_user
from tests.servers import BROWSER, Install, Installation, Server, page_view, wait_until

PAGE = "/admin/settings/general"
ZONE = "base.timezone"
CORE = (*CORE_SETTINGS, *analytics_settings.SETTINGS)
ROBOT = {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_EXCLUDED_IPS="192.0.2.1, 10.0.0.0/8")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def stored(installation: Installation) -> dict[str, str]:
    (row,) = installation.rows("owa_configuration")
    found: dict[str, str] = json.loads(row["settings"])
    return found


def last_change(installation: Installation) -> tuple[str, str, dict[str, str], dict[str, str]]:
    row = installation.rows("owa_audit")[-1]
    return row["action"], row["user_id"], json.loads(row["before"]), json.loads(row["after"])


def save(admin: Visitor, **changes: str) -> str:
    """Change fields of `base.`; returns the page that follows."""
    fields = admin.form(PAGE, ZONE) | {f"base.{name}": value for name, value in changes.items()}
    return admin.send(PAGE, fields)


def test_no_setting_is_missing(admin: Visitor) -> None:
    page = admin.page(PAGE)
    fields = admin.form(PAGE, ZONE)
    for setting in [setting for setting in CORE if setting not in RECEIVING]:
        assert f">{setting.label}<" in page, setting.name
        locked = not setting.storable or setting.name == "base.excluded_ips"
        assert (f'id="{setting.name}"' in page) is not locked, setting.name
    assert {name for name in fields if name.startswith("base.")} <= {setting.name for setting in CORE}


def test_what_counts_after_a_restart_says_so() -> None:
    assert {setting.name.removeprefix("base.") for setting in CORE if setting.restart and setting.storable} == {
        "archive_old_events",
        "drain_interval",
        "durability",
        "pin_workers",
        "scheduler",
        "sync_interval",
    }


def test_locked_values_are_shown_with_their_source_and_not_taken(admin: Visitor, installation: Installation) -> None:
    page = admin.page(PAGE)
    assert "192.0.2.1/32, 10.0.0.0/8" in page
    assert "OWA_EXCLUDED_IPS" in page
    admin.send(PAGE, {"base.excluded_ips": "127.0.0.1", "base.data_dir": "/elsewhere", "base.server_number": "7"})
    assert not {"base.excluded_ips", "base.data_dir", "base.server_number"} & set(stored(installation))


def test_a_form_that_was_not_touched_changes_nothing(admin: Visitor, installation: Installation) -> None:
    before = installation.rows("owa_configuration"), len(installation.rows("owa_audit"))
    assert "Nothing was changed." in save(admin)
    assert (installation.rows("owa_configuration"), len(installation.rows("owa_audit"))) == before


def test_with_one_bad_value_nothing_is_stored(admin: Visitor, installation: Installation) -> None:
    before = installation.rows("owa_configuration")
    fields = admin.form(PAGE, ZONE)
    answer = admin.post(PAGE, fields | {ZONE: "Europe/Berln", "base.archive_age": "-1", "base.drain_interval": "9"})
    page = unescape(answer.body.decode())
    assert answer.status == 400
    assert "did you mean Europe/Berlin?" in page
    assert "wants a whole number from 0" in page
    for kept in ("Europe/Berln", '"-1"', '"9"'):
        assert kept in page
    assert installation.rows("owa_configuration") == before


def test_a_change_is_stored_told_and_noted(admin: Visitor, installation: Installation) -> None:
    page = save(admin, queue_max_retry_count="7", durability="fsync")
    assert "Saved: Durability, Most attempts. Counts after a restart of OWA&#39;s processes: Durability." in page
    assert stored(installation) == {
        "base.queue_events": "true",  # by the installation
        "base.queue_max_retry_count": "7",
        "base.durability": "fsync",
    }
    assert last_change(installation) == (
        "change settings",
        "admin",
        {"base.queue_max_retry_count": "25 (default)", "base.durability": "os (default)"},
        {"base.queue_max_retry_count": "7", "base.durability": "fsync"},
    )
    assert "queue_max_retry_count: 25 (default)" in admin.page("/admin/audit")


def test_back_to_the_default(admin: Visitor, installation: Installation) -> None:
    save(admin, archive_age="60")
    assert stored(installation)["base.archive_age"] == "60"
    fields = admin.form(PAGE, ZONE)
    page = admin.send(PAGE, fields | {"reset:base.archive_age": "1"})
    assert 'value="604800"' in page
    assert "base.archive_age" not in stored(installation)
    assert last_change(installation)[2:] == (
        {"base.archive_age": "60"},
        {"base.archive_age": "604800 (default)"},
    )


def test_robots_and_time_zone_count_without_a_restart(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="0")
    with installation.serve() as server:
        admin = Visitor(server).log_in()
        server.track(event := page_view(), headers=ROBOT)
        assert installation.request_of(event) is None
        save(admin, log_robots="true", timezone="Pacific/Kiritimati")  # 14 hours ahead: never the hour of UTC
        server.track(event := page_view(), headers=ROBOT)
        row = installation.request_of(event)
        assert row is not None
        assert row["hour"] == (row["timestamp"] // 3600 + 14) % 24


def test_mode_changes_without_a_restart(install: Install) -> None:
    installation = install(OWA_SCHEDULER="0")
    with installation.serve() as server:
        admin = Visitor(server).log_in()
        server.track(event := page_view())
        assert installation.request_of(event) is None
        save(admin, queue_events="false")
        server.track(event := page_view())
        assert installation.request_of(event) is not None


def test_all_processes_follow(install: Install) -> None:
    installation = install(OWA_SCHEDULER="0", OWA_QUEUE_EVENTS="0")
    with installation.serve() as one, installation.serve() as other:
        save(Visitor(one).log_in(), log_robots="true")

        def is_taken() -> bool:
            other.track(event := page_view(), headers=ROBOT)
            return installation.request_of(event) is not None

        wait_until(is_taken, "the other process does not follow")
        assert "checked" in Visitor(other).log_in().page(PAGE).split('id="base.log_robots"')[1].split(">")[0]


def test_only_admins_get_there(installation: Installation, server: Server) -> None:
    add_user(installation, "anna", "analyst")
    anna = Visitor(server).log_in("anna")
    assert anna.get(PAGE).status == 403
    assert anna.post(PAGE, {ZONE: "Europe/Rome"}).status == 403
    stranger = Visitor(server)
    assert stranger.get(PAGE).status == 303
    assert ZONE not in stored(installation)


def test_a_form_without_its_token_is_refused(admin: Visitor, installation: Installation) -> None:
    assert admin.post(PAGE, {"csrf_token": "forged", ZONE: "Europe/Rome"}).status == 400
    assert ZONE not in stored(installation)


def test_hostile_bodies_do_no_harm(admin: Visitor, server: Server) -> None:
    headers = {"Cookie": admin.cookie_header, "User-Agent": BROWSER, "X-CSRF-Token": admin.token}
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.request("POST", PAGE, b"base.timezone=%ff%ed%a0%80", headers | urlencoded).status == 400
    file = b'--x\r\nContent-Disposition: form-data; name="base.timezone"; filename="a"\r\n\r\nUTC\r\n--x--\r\n'
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert server.request("POST", PAGE, file, headers | multipart).status == 415


def test_options_of_the_database_are_not_shown(install: Install) -> None:
    """There may be a password among them."""
    installation = install()
    with installation.serve(OWA_DATABASE_URL=f"sqlite:///{installation.database}?cached_statements=123") as server:
        page = Visitor(server).log_in().page(PAGE)
        assert str(installation.database) in page
        assert "cached_statements" not in page

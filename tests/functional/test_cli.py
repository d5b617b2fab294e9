"""The command line: exit statuses, JSON, silence, and help for those who mistype.

Where `cron` runs a command, a Python starts for it."""

import fcntl
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.servers import DOMAIN, ROOT, SITE_ID, Install, Installation, Result, environment, page_view

COMMANDS = (
    "install",
    "add-site",
    "processEventQueue",
    "queue-status",
    "prune-event-queue-archives",
    "flush-processed-events",
)
SILENT = Result(0, "", "")
EMPTY = {"processed": 0, "duplicate": 0, "waiting": 0, "retrying": 0, "forwarded": 0, "failed": 0, "quarantined": 0}


@pytest.fixture(scope="module")
def idle(install: Install) -> Installation:
    """An installation that gets no events."""
    return install()


@pytest.fixture(scope="module")
def filled(install: Install) -> Path:
    """A data folder with two events in its queue: the second must wait for its session."""
    installation = install()
    with installation.serve(OWA_SCHEDULER="0") as server:
        server.track(page_view(page_title="first"))
        server.track(page_view(page_title="second", is_new_session="false"))
    return installation.data_dir


@pytest.fixture
def queued(filled: Path, tmp_path: Path) -> Installation:
    """An installation of its own with these two events in its queue."""
    installation = Installation(tmp_path, {"OWA_SCHEDULER": "0"})  # cron is expected each minute
    shutil.copytree(filled, installation.data_dir)
    return installation


def test_help_names_every_command(idle: Installation) -> None:
    for words in (["cmd=help"], []):
        shown = idle.cron(*words)
        assert (shown.status, shown.err) == (0, "")
        assert all(f"\n{command}\n" in shown.out for command in COMMANDS)


@pytest.mark.parametrize(
    "words", ["queue-status", "prune-event-queue-archives", "flush-processed-events", "add-site domain=x"]
)
def test_success_is_silent_unless_verbose(idle: Installation, words: str) -> None:
    command = f"cmd={words}".split()
    assert idle.cron(*command) == SILENT
    told = idle.cli(*command, "verbose=1")
    assert (told.status, told.err) == (0, "")
    assert told.out


def test_install_prints_the_password_once(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    first = installation.cron("cmd=install")
    assert (first.status, first.err) == (0, "")
    assert "password" in first.out
    assert installation.cli("cmd=install") == SILENT


def test_what_install_makes_is_not_for_others_to_read(tmp_path: Path) -> None:
    """Password hashes, the login's secret, addresses of visitors."""
    assert Installation(tmp_path).cli("cmd=install", "password=a password for tests").status == 0
    closed = [tmp_path / "owa-data" / name for name in ("owa.db", "configuration.json")]
    assert [path.name for path in closed if path.stat().st_mode & 0o007] == []


def test_install_in_json(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    first = installation.cli("cmd=install", "format=json", "user_id=ada", f"domain={DOMAIN}").json
    assert (first["user_id"], first["site_id"]) == ("ada", SITE_ID)
    assert len(first["password"]) >= 12
    assert installation.cli("cmd=install", "format=json").json == {"user_id": "ada", "site_id": SITE_ID}
    assert first["password"] not in "".join(str(row) for row in installation.rows("owa_user"))


def test_install_with_a_given_password_prints_none(tmp_path: Path) -> None:
    assert Installation(tmp_path).cli("cmd=install", "password=correct horse") == SILENT


def test_add_site(idle: Installation) -> None:
    words = ("cmd=add-site", "domain=https://example.org")
    assert idle.cli(*words, "format=json").json == {"site_id": "5564fd6a95028f02e52b38bb1743c816"}
    again = idle.cli(*words, "--verbose")
    assert again.status == 0
    assert "was registered already" in again.out
    assert "['setSiteId', \"5564fd6a95028f02e52b38bb1743c816\"]" in again.out
    assert idle.query("SELECT count(*) AS n FROM owa_site WHERE domain = 'https://example.org'") == [{"n": 1}]


def test_drain_in_json(queued: Installation) -> None:
    drained = queued.cli("cmd=processEventQueue", "format=json")
    assert (drained.status, drained.err) == (0, "")
    queues = drained.json["queues"]
    assert all(queue.pop("seconds") >= 0 for queue in queues.values())
    assert queues == {"incoming_tracking_events": {**EMPTY, "processed": 1, "waiting": 1}, "processing": EMPTY}


def test_drain_of_named_queues_and_with_a_limit(queued: Installation) -> None:
    assert queued.cli("cmd=processEventQueue", "queues=processing") == SILENT
    assert queued.rows("owa_request") == []
    assert queued.cron("cmd=processEventQueue", "limit=1") == SILENT
    assert len(queued.rows("owa_request")) == 1
    assert queued.cli("cmd=processEventQueue", "retry=now") == SILENT
    assert len(queued.rows("owa_request")) == 2


def test_queue_status_in_json(queued: Installation) -> None:
    before = queued.status()
    oldest = before["queues"]["incoming_tracking_events"].pop("oldest_seconds")
    assert 0 <= oldest < 120
    assert before["queues"]["processing"].pop("oldest_due_seconds") is None
    assert before == {
        "mode": "asynchronous",
        "queues": {
            "incoming_tracking_events": {"depth": 2, "segments": 0, "quarantined": 0},
            "processing": {"depth": 0, "oldest_seconds": None, "waiting": 0, "retrying": 0, "failed": 0},
        },
        "problems": [],
        "last_runs": [],
        "counts": [],
    }
    queued.drain()
    after = queued.status()
    assert after["queues"]["incoming_tracking_events"]["depth"] == 0
    assert after["queues"]["processing"]["waiting"] == after["queues"]["processing"]["depth"] == 1
    assert [(row["outcome"], row["site_id"], row["count"]) for row in after["counts"]] == [("processed", SITE_ID, 1)]


def test_drain_of_a_copied_file(queued: Installation, install: Install, tmp_path: Path) -> None:
    shutil.copy(queued.data_dir / "logs" / "events.txt", tmp_path / "copied.txt")
    other = install()
    words = ("cmd=processEventQueue", f"path={tmp_path / 'copied.txt'}", "format=json")
    first, second = other.cli(*words).json, other.cli(*words).json
    assert list(first["queues"]) == ["incoming_tracking_events"]
    assert first["queues"]["incoming_tracking_events"].items() >= {"processed": 1, "waiting": 1, "duplicate": 0}.items()
    assert second["queues"]["incoming_tracking_events"].items() >= {"processed": 0, "duplicate": 2}.items()
    assert len(other.rows("owa_request")) == 2
    assert (tmp_path / "copied.txt").exists()


def test_drain_of_a_wrong_file(idle: Installation) -> None:
    for path, reason in (("missing.txt", "No such file"), (idle.data_dir / "logs" / "events.txt", "own queue")):
        drained = idle.cli("cmd=processEventQueue", f"path={path}")
        assert (drained.status, drained.out) == (2, "")
        assert reason in drained.err


def test_status_75_while_another_drain_holds_the_queue(queued: Installation) -> None:
    with (queued.data_dir / "logs" / "drain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = queued.cron("cmd=processEventQueue", "queues=incoming_tracking_events", "wait=0.2")
        partly = queued.cli("cmd=processEventQueue", "wait=0")
    assert (held.status, held.out, partly.status) == (75, "", 0)
    assert "Another drain holds the queue" in held.err
    queued.drain()
    assert len(queued.rows("owa_request")) == 2


def test_status_1_when_an_event_fails_for_good(queued: Installation) -> None:
    with closing(sqlite3.connect(queued.database)) as connection:
        connection.execute(
            "CREATE TRIGGER poison BEFORE INSERT ON owa_document WHEN new.page_title = 'first' "
            "BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        )
    failed = queued.cron("cmd=processEventQueue", OWA_QUEUE_MAX_RETRY_COUNT="1")
    assert (failed.status, failed.out) == (1, "")
    assert failed.err.startswith("incoming_tracking_events: 1 events failed for good.")
    assert len(queued.rows("owa_request")) == 1, "the other one is stored"
    (broken,) = queued.query("SELECT last_error_msg FROM owa_queue_item WHERE status = 'broken'")
    assert "poisoned" in broken["last_error_msg"]


def test_status_1_without_an_installation(tmp_path: Path) -> None:
    for command in ("processEventQueue", "queue-status", "add-site domain=x", "flush-processed-events"):
        done = Installation(tmp_path).cli(*f"cmd={command}".split())
        assert (done.status, done.out) == (1, ""), command
        assert "cmd=install" in done.err, "the remedy"
        assert "Nothing is installed here" in done.err
    assert list(tmp_path.iterdir()) == []


def test_prune_and_flush(queued: Installation) -> None:
    queued.drain()
    archive = queued.data_dir / "logs" / "archive"
    assert queued.cli("cmd=prune-event-queue-archives", "format=json").json == {"pruned": 0}
    assert len(list(archive.iterdir())) == 1
    assert queued.cli("cmd=prune-event-queue-archives", "interval=0", "format=json").json == {"pruned": 1}
    assert list(archive.iterdir()) == []
    assert queued.cli("cmd=flush-processed-events", "format=json").json == {"flushed": 0}
    assert len(queued.rows("owa_queue_item")) == 1, "what waits is not finished"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("cmd=procesEventQueue", "did you mean processEventQueue?"),
        ("cmd=processEventQueue limitt=5", "did you mean limit?"),
        ("cmd=processEventQueue queues=incomming_tracking_events", "did you mean incoming_tracking_events?"),
        ("cmd=processEventQueue limit=many", "limit=many"),
        ("cmd=processEventQueue retry=later", "retry=later"),
        ("cmd=nonsense", "cmd=help"),
        ("processEventQueue", "key=value"),
        ("cmd=add-site", "domain"),
    ],
)
def test_status_2_on_wrong_use(idle: Installation, words: str, hint: str) -> None:
    wrong = idle.cli(*words.split())
    assert (wrong.status, wrong.out) == (2, "")
    assert hint in wrong.err


def test_error_in_json(idle: Installation) -> None:
    wrong = idle.cron("cmd=add-site", "format=json")
    assert (wrong.status, wrong.err) == (2, "")
    assert wrong.json == {"error": "add-site wants a domain.", "remedy": "Such as domain=https://example.org"}


def test_all_bad_settings_are_reported_at_once(idle: Installation) -> None:
    wrong = idle.cli(
        "cmd=queue-status",
        OWA_SERVER_NUMBER="1000",
        OWA_TIMEZONE="Mars/Olympus",
        OWA_DURABILITY="fsnyc",
        OWA_QUEUE_EVNTS="1",
        OWA_TRUSTED_PROXIES="localhost",
    )
    assert (wrong.status, wrong.out) == (2, "")
    for complaint in ("OWA_SERVER_NUMBER", "OWA_TIMEZONE", "OWA_TRUSTED_PROXIES"):
        assert complaint in wrong.err
    assert "did you mean OWA_QUEUE_EVENTS?" in wrong.err
    assert "did you mean fsync?" in wrong.err


def test_bad_setting_in_the_ini_file(idle: Installation, tmp_path: Path) -> None:
    ini = tmp_path / "wrong.ini"
    ini.write_text("[app:main]\nuse = egg:owa\nowa.queue_evnts = true\nowa.archive_age = soon\n")
    wrong = idle.cli("cmd=queue-status", OWA_INI=str(ini))
    assert wrong.status == 2
    assert "did you mean owa.queue_events?" in wrong.err
    assert "owa.archive_age" in wrong.err


def test_environment_beats_the_ini_file(idle: Installation, tmp_path: Path) -> None:
    ini = tmp_path / "our.ini"
    ini.write_text("[app:main]\nuse = egg:owa\nowa.queue_events = false\n")
    mode = [
        idle.cli("cmd=queue-status", "format=json", OWA_INI=str(ini), **variables).json["mode"]
        for variables in ({}, {"OWA_QUEUE_EVENTS": "yes"})
    ]
    assert mode == ["synchronous", "asynchronous"]
    assert idle.status()["mode"] == "asynchronous", "what install stored"


def test_table_on_a_terminal(queued: Installation) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "cli.py"), "cmd=processEventQueue"]
    variables = environment(TERM="xterm", COLUMNS="200", **queued.environment())
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=variables) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # EIO: the other side is closed
            while data := os.read(ours, 65_536):
                shown += data
        os.close(ours)
        assert (process.wait(), process.stderr and process.stderr.read()) == (0, b"")
    assert b"Drained" in shown
    assert shown.count(b"incoming_tracking_events") >= 1
    assert b"processed" in shown

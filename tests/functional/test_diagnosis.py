"""Each link of the chain that an event travels is broken in turn: the diagnosis names exactly it, and what mends it."""

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from owa.app import Installation as Opened
from owa.app import open_installation
from owa.cli import main
from owa.clock import MICROSECONDS
from owa.diagnosis import CHAIN, Diagnosis, diagnose
from tests.admin import Visitor
from tests.failures import damaged, event, execute, fail, put
from tests.functional.test_database_away import away
from tests.servers import ROOT, Install, Installation, Result, Server, page_view, run_forked, wait_until

NOBODY = 65_534
"""A user who is not root."""

NAMES = [link.name for link in CHAIN]


@pytest.fixture
def installation(install: Install) -> Installation:
    """Drained by cron, a moment ago."""
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    installation.drain()
    return installation


def asked(installation: Installation, *words: str, **variables: str) -> Any:
    """What `cmd=diagnose` says, in JSON: its exit status must fit."""
    done = installation.cli("cmd=diagnose", "format=json", *words, **variables)
    assert [check["name"] for check in done.json["checks"]] == NAMES
    assert done.status == (1 if done.json["first_broken"] else 0), done
    return done.json


def broken(installation: Installation, *words: str, **variables: str) -> dict[str, Any]:
    """The only link that is broken."""
    document = asked(installation, *words, **variables)
    (found,) = [check for check in document["checks"] if check["verdict"] == "broken"]
    assert document["first_broken"] == found["name"]
    assert found["remedy"]
    return dict(found)


def long_ago(installation: Installation, seconds: int, job: str = "%") -> None:
    """As if the last runs had been so much earlier."""
    moved = "UPDATE owa_job_run SET started_at = started_at - ? WHERE job LIKE ?"
    execute(installation, moved, seconds * MICROSECONDS, job)


def as_nobody(installation: Installation, *words: str) -> Result:
    """A command that an unprivileged user runs."""
    if os.geteuid() != 0:
        pytest.skip("only root can run something as somebody else")
    return run_forked(main_of_nobody, [*words], installation.folder, installation.environment())


def main_of_nobody(words: list[str]) -> int:
    """All that it needs is loaded: an unprivileged user may not be able to read Python's own files."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    return main(words)


@contextmanager
def of_nobody(installation: Installation) -> Iterator[None]:
    """Its files belong to an unprivileged user, who can come to them."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    above = [folder for folder in installation.data_dir.parents if not folder.stat().st_mode & 1]
    modes = [folder.stat().st_mode for folder in above]
    for folder in above:
        folder.chmod(folder.stat().st_mode | 0o111)
    for path in (installation.data_dir, *installation.data_dir.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    try:
        yield
    finally:
        for folder, mode in zip(above, modes, strict=True):
            folder.chmod(mode)


def test_all_is_well_with_cron(installation: Installation) -> None:
    document = asked(installation)
    assert document["first_broken"] is None
    assert {check["verdict"] for check in document["checks"]} == {"ok", "unknown"}
    assert [check["name"] for check in document["checks"] if check["verdict"] == "unknown"] == ["ledger"]
    assert installation.cli("cmd=diagnose") == Result(0, "", "")


def test_all_is_well_just_after_the_installation(install: Install) -> None:
    assert asked(install())["first_broken"] is None


def test_all_is_well_with_the_scheduler(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_DRAIN_INTERVAL="1")
    with installation.serve() as server:
        server.track(page_view())
        wait_until(lambda: installation.query("SELECT * FROM owa_job_run WHERE job = 'retry'"), "nobody drains")
        document = asked(installation, "ledger=1")
        assert document["first_broken"] is None, document
        scheduler = next(check for check in document["checks"] if check["name"] == "scheduler")
        assert f"Process {server.process.pid}" in scheduler["finding"]
        page = Visitor(server).log_in().text("/admin/diagnose")
    assert "Nothing is broken" in page


def test_for_people_it_says_what_mends_it(installation: Installation) -> None:
    long_ago(installation, 3_600)
    said = installation.cli("cmd=diagnose")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("First broken: cron. incoming_tracking_events: nobody has drained for 1 h.")
    assert "python cli.py cmd=processEventQueue" in said.err
    told = installation.cli("cmd=diagnose", "verbose=1").out.splitlines()
    assert [line.split()[1] for line in told] == NAMES


@pytest.mark.parametrize("words", [["ledger=perhaps"], ["leger=1"]])
def test_wrong_words(installation: Installation, words: list[str]) -> None:
    assert installation.cli("cmd=diagnose", *words).status == 2


def test_installation(tmp_path: Path) -> None:
    found = broken(Installation(tmp_path))
    assert (found["name"], "cmd=install" in found["remedy"]) == ("installation", True)
    assert not (tmp_path / "owa-data").exists()


def test_installation_with_a_wrong_setting(installation: Installation) -> None:
    found = broken(installation, OWA_DRAIN_INTERVAL="often")
    assert (found["name"], "OWA_DRAIN_INTERVAL" in found["finding"]) == ("installation", True)


def test_permissions_of_what_root_has_made(installation: Installation) -> None:
    """Such as by a restored backup: root asks, and the one who serves is locked out."""
    with of_nobody(installation):
        assert asked(installation)["first_broken"] is None
        events = installation.data_dir / "logs" / "archive"
        os.chown(events, 0, 0)
        events.chmod(0o755)
        by_root = broken(installation)
        by_nobody = as_nobody(installation, "cmd=diagnose", "format=json")
    assert by_root["name"] == "permissions"
    assert by_root["finding"] == f"nobody, who serves, cannot use {events}. It belongs to root."
    assert by_root["remedy"] == f"chown -R nobody {installation.data_dir}"
    assert (by_nobody.status, by_nobody.json["first_broken"]) == (1, "permissions")


def test_permissions_that_were_taken_from_the_owner(installation: Installation) -> None:
    with of_nobody(installation):
        logs = installation.data_dir / "logs"
        mode = logs.stat().st_mode
        logs.chmod(0o555)
        found = broken(installation)
        logs.chmod(mode)
    assert (found["name"], found["remedy"]) == ("permissions", f"chmod -R u+rwX {installation.data_dir}")


def test_permissions_of_who_asks(installation: Installation) -> None:
    """Cron as somebody else."""
    with of_nobody(installation):
        for path in (installation.data_dir, *installation.data_dir.rglob("*")):
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)
        said = as_nobody(installation, "cmd=diagnose", "format=json")
    assert (said.status, said.json["first_broken"]) == (1, "permissions"), said
    found = next(check for check in said.json["checks"] if check["name"] == "permissions")
    assert found["finding"].startswith("nobody, who runs this, cannot use ")
    assert "sudo -u root" in found["remedy"]


def test_permissions_with_a_data_folder_that_is_closed(installation: Installation) -> None:
    with of_nobody(installation):
        os.chown(installation.data_dir, 0, 0)
        installation.data_dir.chmod(0o700)
        said = as_nobody(installation, "cmd=diagnose", "format=json")
        installation.data_dir.chmod(0o755)
    assert said.status == 1
    assert said.json["first_broken"] == "permissions", said


@contextmanager
def on_a_small_disk(installation: Installation) -> Iterator[None]:
    """Of 16 MB."""
    moved = installation.data_dir.rename(installation.folder / "moved")
    installation.data_dir.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(installation.data_dir)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("A full disk needs the right to mount a tmpfs (root).")
    try:
        shutil.copytree(moved, installation.data_dir, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(installation.data_dir)], check=True)


def filled(installation: Installation) -> None:
    """Not a byte is left."""
    with (installation.data_dir / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))


def test_disk_that_is_full(installation: Installation) -> None:
    with on_a_small_disk(installation):
        filled(installation)
        document = asked(installation)
    assert document["first_broken"] == "disk"
    found = {check["name"]: check["finding"] for check in document["checks"] if check["verdict"] == "broken"}
    assert found["disk"] == f"Only 0 MB are left on the disk of {installation.data_dir}."
    assert "Events cannot be kept" in found["endpoint"]


def test_ready_while_a_disk_that_is_small_takes_events(installation: Installation) -> None:
    """Few MB are a finding, and no reason to send visitors elsewhere."""
    with on_a_small_disk(installation), installation.serve() as server:
        found = [server.request("GET", f"/health{path}").status for path in ("", "/ready")]
        kept = server.track(page_view()).status
        filled(installation)
        full = server.request("GET", "/health/ready").status
    assert (found, kept, full) == ([503, 200], 204, 503)


def test_disk_that_is_full_takes_no_rows_either(installation: Installation) -> None:
    """A transaction can be begun on it, and not be ended."""
    with on_a_small_disk(installation), installation.serve() as server:
        Visitor(server).log_in()
        filled(installation)
        document = json.loads(server.request("GET", "/health").body)
    assert document["first_broken"] == "disk"
    database = next(check for check in document["checks"] if check["name"] == "database")
    assert (database["verdict"], "is full" in database["finding"]) == ("broken", True)


def test_endpoint(installation: Installation) -> None:
    logs = installation.data_dir / "logs"
    shutil.rmtree(logs)
    logs.write_text("no folder")
    document = asked(installation)
    assert document["first_broken"] == "endpoint"
    found = next(check for check in document["checks"] if check["name"] == "endpoint")
    assert found["finding"].startswith("Events cannot be kept: trackers are answered 503.")


def test_endpoint_without_a_guid(installation: Installation) -> None:
    slots = installation.data_dir / "slots"
    shutil.rmtree(slots, ignore_errors=True)
    slots.write_text("no folder")
    found = broken(installation)
    assert (found["name"], "no guid" in found["finding"]) == ("endpoint", True)


def test_pauses(installation: Installation) -> None:
    row = ("queue", "processing", 1_795_262_400 * MICROSECONDS, "eve", "until noon")
    execute(installation, "INSERT INTO owa_pause (kind, name, paused_at, paused_by, note) VALUES (?, ?, ?, ?, ?)", *row)
    found = broken(installation)
    assert found["name"] == "pauses"
    assert found["finding"] == "eve has paused the queue processing at 2026-11-21 12:00:00 UTC: until noon."


def holding(installation: Installation, name: str = "drain.lock") -> "subprocess.Popen[str]":
    """A process that drains, and does not get on; or another one that holds a lock of the queue."""
    script = (
        "import sys, time; from pathlib import Path; from owa.files import FileLock; "
        "assert FileLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(600)"
    )
    lock = installation.data_dir / "logs" / name
    process = subprocess.Popen([sys.executable, "-c", script, lock], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_lock_whose_holder_is_stopped_or_does_not_move(installation: Installation) -> None:
    lock = installation.data_dir / "logs" / "drain.lock"
    with holding(installation) as process:
        try:
            assert asked(installation)["first_broken"] is None, "a drain is under way"
            os.utime(lock, (0, time.time() - 301))
            stuck = broken(installation)
            os.utime(lock)
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: asked(installation)["first_broken"], "it is not told")
            stopped = broken(installation)
        finally:
            process.kill()
    assert stuck["name"] == stopped["name"] == "lock"
    assert f"Process {process.pid} of " in stuck["finding"]
    assert "has not moved for 5 min" in stuck["finding"]
    assert "is stopped" in stopped["finding"]
    assert f"kill -CONT {process.pid}" in stopped["remedy"]
    assert asked(installation)["first_broken"] is None


def test_lock_of_somebody_unknown(installation: Installation) -> None:
    lock = installation.data_dir / "logs" / "drain.lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("no number at all")
        held.flush()
        os.utime(lock, (0, 0))
        found = broken(installation)
    assert (found["name"], "fuser" in found["remedy"]) == ("lock", True)


def test_drain_that_failed(installation: Installation) -> None:
    execute(installation, "UPDATE owa_job_run SET result = 'failed', detail = 'ValueError' WHERE job = 'retry'")
    found = broken(installation)
    assert (found["name"], found["finding"]) == ("drain", "The last drain of processing failed. ValueError")


def test_drain_that_is_paused(installation: Installation) -> None:
    with away(installation):
        assert installation.cli("cmd=processEventQueue").status == 1
    found = broken(installation)
    assert found["name"] == "drain"
    assert found["finding"].startswith("incoming_tracking_events is paused since ")


def test_drain_that_the_scheduler_does_not_do(install: Install) -> None:
    """A process has the job, and nothing comes of it."""
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1")
    installation.drain()
    long_ago(installation, 60)
    runner = installation.data_dir / "logs" / "drain.runner"
    with runner.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = broken(installation)
    assert found["name"] == "drain"
    assert "every 2 s" in found["remedy"]


def test_scheduler_that_is_gone(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1")
    installation.drain()
    execute(installation, "UPDATE owa_job_run SET caller = 'scheduler'")
    assert asked(installation)["first_broken"] is None, "it may be about to start"
    long_ago(installation, 11)
    found = broken(installation)
    assert found["name"] == "scheduler"
    assert "No web process of OWA runs on this server." in found["finding"]
    execute(installation, "UPDATE owa_job_run SET caller = 'command'")
    assert asked(installation)["first_broken"] is None, "cron drains"


def test_scheduler_that_is_stopped(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    with installation.serve() as server:
        wait_until(lambda: installation.query("SELECT * FROM owa_job_run WHERE job = 'retry'"), "nobody drains")
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: asked(installation)["first_broken"], "it is not told")
            document = asked(installation)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
    assert document["first_broken"] in ("scheduler", "lock")  # wherever it was


def test_a_silence_is_not_named_before_the_stopped_process_that_causes_it(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1")
    installation.drain()
    with holding(installation, "drain.runner") as process:
        try:
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: asked(installation)["first_broken"], "it is not told")
            (installation.data_dir / "logs" / "drain.runner").write_text(f"{process.pid} {int(time.time()) - 60}")
            long_ago(installation, 60)
            document = asked(installation)
            said = installation.cli("cmd=diagnose").err
        finally:
            process.kill()
    assert document["first_broken"] == "scheduler"
    assert f"kill -CONT {process.pid}" in said
    drain = next(check for check in document["checks"] if check["name"] == "drain")
    assert (drain["verdict"], "restart" in drain["remedy"]) == ("broken", False)


@pytest.mark.parametrize("by", ["cron", "scheduler"])
def test_a_silence_is_not_named_before_the_locked_database_that_causes_it(install: Install, by: str) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER=str(int(by == "scheduler")))
    installation.drain()
    long_ago(installation, 900)
    with (
        (installation.data_dir / "logs" / "drain.runner").open("w") as runner,
        closing(sqlite3.connect(installation.database, isolation_level=None)) as connection,
    ):
        fcntl.flock(runner, fcntl.LOCK_EX)
        assert asked(installation)["first_broken"] in ("drain", "scheduler", "cron")
        connection.execute("BEGIN IMMEDIATE")
        said = installation.cli("cmd=diagnose").err
    assert said.startswith("First broken: database. It cannot be written to.")


def test_a_pause_is_not_named_before_the_locked_database_that_causes_it(installation: Installation) -> None:
    with away(installation):
        assert installation.cli("cmd=processEventQueue").status == 1
    assert asked(installation)["first_broken"] == "drain"
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert asked(installation)["first_broken"] == "database"


def test_cron_that_has_never_come(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    put(installation, event(1))  # of long ago
    found = broken(installation)
    assert found["name"] == "cron"
    assert found["finding"].startswith("incoming_tracking_events: nobody has drained so far, although events wait.")
    assert "OWA_SCHEDULER=1" in found["remedy"]


def test_cron_that_comes_no_more(installation: Installation) -> None:
    long_ago(installation, 290)
    assert asked(installation)["first_broken"] is None
    long_ago(installation, 20)
    assert broken(installation)["name"] == "cron"


def test_in_synchronous_mode_drains_are_wanted_only_by_what_waits(installation: Installation) -> None:
    long_ago(installation, 400)
    assert asked(installation, OWA_QUEUE_EVENTS="0")["first_broken"] is None
    put(installation, event(1))
    assert broken(installation, OWA_QUEUE_EVENTS="0")["name"] == "cron"


def test_oldest_event_that_was_given_up(installation: Installation) -> None:
    with damaged(installation):
        fail(installation, event(1), event(2))
    found = broken(installation)
    assert found["name"] == "oldest_event"
    assert found["finding"].startswith(
        f"2 events given up. The oldest, {event(1).guid} (base.page_request), fails since "
    )
    assert "refused: <b>poison</b>" in found["finding"]
    assert "/admin/failed" in found["remedy"]


def test_an_error_that_quotes_a_person_is_masked(installation: Installation) -> None:
    """Everywhere but where somebody with the right has it revealed."""
    fail(installation, event(1, "shop.basket"))
    quoted = "ValueError: jane@example.org came from 203.0.113.77"
    execute(installation, "UPDATE owa_queue_item SET last_error_msg = ?", quoted)
    execute(installation, "UPDATE owa_event_count SET last_detail = ?", quoted)
    assert "ValueError: •" in broken(installation)["finding"]
    with installation.serve() as server:
        admin = Visitor(server).log_in()
        pages = [
            admin.page(f"/admin/{path}") for path in ("queues", "waiting", "diagnose", "failed", "failed/by-error")
        ]
        pages += [server.request("GET", path).body.decode() for path in ("/health", "/metrics", "/")]
    for page in pages:
        assert "jane@example.org" not in page
        assert "203.0.113.77" not in page


def test_oldest_event_that_is_tried_again(installation: Installation) -> None:
    with damaged(installation):
        put(installation, event(1))
        assert installation.cli("cmd=processEventQueue").status == 0
    found = broken(installation)
    assert found["name"] == "oldest_event"
    assert found["finding"].startswith("1 event tried again and again.")
    assert "retry=now" in found["remedy"]


def tripped(installation: Installation) -> None:
    """An event waits for a handler, which has failed at it, and whose module the circuit breaker has switched off."""
    fail(installation, event(1))
    missed = "UPDATE owa_queue_item SET status = 'unhandled', handler = 'webhook:post', not_before_timestamp = 1"
    execute(installation, missed)
    switch(installation, "tripped")


def switch(installation: Installation, chosen: str) -> None:
    row = "INSERT OR REPLACE INTO owa_module (name, failures, switch) VALUES ('webhook', 9, ?)"
    execute(installation, row, chosen)
    execute(installation, "UPDATE owa_configuration SET generation = generation + 1")


def test_oldest_event_is_not_named_before_the_module_that_causes_it(installation: Installation) -> None:
    with damaged(installation):
        tripped(installation)
    document = asked(installation)
    assert document["first_broken"] == "modules"
    found = next(check for check in document["checks"] if check["name"] == "oldest_event")
    assert "Its module, webhook, is switched off." in found["finding"]
    assert "retry=now" not in found["remedy"]
    modules = next(check for check in document["checks"] if check["name"] == "modules")
    assert "cmd=activate module=webhook" in modules["remedy"]


def test_oldest_event_of_a_module_that_somebody_has_switched_off(installation: Installation) -> None:
    with damaged(installation):
        tripped(installation)
    switch(installation, "draining")
    found = broken(installation)
    assert found["name"] == "oldest_event"
    assert "cmd=activate module=webhook" in found["remedy"]


def test_retry_now_names_the_module_that_is_off(installation: Installation) -> None:
    with damaged(installation):
        tripped(installation)
    assert installation.cli("cmd=processEventQueue") == Result(0, "", "")
    said = installation.cli("cmd=processEventQueue", "retry=now")
    assert (said.status, said.out) == (1, "")
    assert "The module webhook is switched off" in said.err
    assert "cmd=activate module=webhook" in said.err


def test_an_event_that_waits_for_another_is_well(installation: Installation) -> None:
    put(installation, event(1, is_new_session=""))
    installation.drain()
    assert installation.status()["queues"]["processing"]["waiting"] == 1
    assert asked(installation)["first_broken"] is None


def test_database_that_is_away(installation: Installation) -> None:
    with away(installation):
        found = broken(installation)
    assert found["name"] == "database"
    assert "unable to open database file" in found["finding"]


def test_database_that_is_locked(installation: Installation) -> None:
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = broken(installation)
    assert (found["name"], "locked" in found["finding"]) == ("database", True)
    if Path("/proc/locks").exists():
        assert f"Process {os.getpid()}" in found["finding"]


def test_database_of_another_version(installation: Installation) -> None:
    execute(installation, "UPDATE alembic_version SET version_num = '0001'")
    found = broken(installation)
    assert (found["name"], found["remedy"]) == ("database", "python cli.py cmd=install")


def stopped_by(installation: Installation, damage: str) -> Any:
    """The diagnosis when a damage of the tables has stopped a drain."""
    execute(installation, damage)
    put(installation, event(1))
    assert installation.cli("cmd=processEventQueue").status == 1
    document = asked(installation)
    assert document["first_broken"] == "database"
    return next(check for check in document["checks"] if check["name"] == "database")


def test_database_that_lacks_a_table(installation: Installation) -> None:
    found = stopped_by(installation, "DROP TABLE owa_document")
    assert found["finding"] == "The table owa_document is missing."
    assert "python cli.py cmd=install" in found["remedy"]
    made = installation.cli("cmd=install")
    assert (made.status, made.err.startswith("The table owa_document is missing. It was made anew")) == (0, True)
    installation.drain()
    assert len(installation.rows("owa_document")) == 1
    assert asked(installation)["first_broken"] is None
    assert installation.cli("cmd=install").err == ""


def test_database_with_a_table_that_was_renamed(installation: Installation) -> None:
    found = stopped_by(installation, "ALTER TABLE owa_session RENAME TO x")
    assert found["finding"] == "The table owa_session is missing: it was renamed to x."
    assert found["remedy"] == "In the database: ALTER TABLE x RENAME TO owa_session"
    refused = installation.cli("cmd=install")
    assert (refused.status, "cmd=install cannot mend that. In the database: ALTER" in refused.err) == (1, True)
    execute(installation, "ALTER TABLE x RENAME TO owa_session")
    installation.drain()
    assert asked(installation)["first_broken"] is None


def test_database_that_lacks_a_column(installation: Installation) -> None:
    found = stopped_by(installation, "ALTER TABLE owa_document RENAME COLUMN page_title TO caption")
    assert found["finding"] == "The table owa_document lacks page_title."
    refused = installation.cli("cmd=install")
    assert (refused.status, "lacks page_title. cmd=install cannot mend that." in refused.err) == (1, True)


def test_modules(installation: Installation) -> None:
    execute(installation, "INSERT INTO owa_module (name, failures, switch) VALUES ('webhook', 9, 'tripped')")
    execute(installation, "UPDATE owa_configuration SET generation = generation + 1")
    found = broken(installation)
    assert found["name"] == "modules"
    assert "The circuit breaker has switched off the module webhook." in found["finding"]


def test_clock_of_a_sender(installation: Installation) -> None:
    row = "('3-x', 3, 'far\x1b[31m', '10.0.0.3', '1', 1, 0, NULL, 120000000, 1, NULL)"
    execute(installation, f"INSERT INTO owa_sender VALUES {row}")
    found = broken(installation)
    assert found["name"] == "clock"
    assert "The clock of the sender far\\x1b[31m (3) is 2 min behind this one." in found["finding"]


def test_clock_of_a_process(installation: Installation) -> None:
    seen_at = round((time.time() + 90) * MICROSECONDS)
    columns = "(name, server, generation, broken, seen_at)"
    execute(installation, f"INSERT INTO owa_process {columns} VALUES ('elsewhere:1', 2, 1, '', ?)", seen_at)
    assert broken(installation)["name"] == "clock"


def test_clock_that_was_set_back(installation: Installation) -> None:
    slots = installation.data_dir / "slots"
    slots.mkdir(exist_ok=True)
    (slots / "42").write_text(f"{int(time.time()) + 3_600}\n")
    found = broken(installation)
    assert (found["name"], "was set back" in found["finding"]) == ("clock", True)


def test_ledger_when_asked_for(installation: Installation) -> None:
    put(installation, event(1))
    installation.drain()
    execute(installation, "DELETE FROM owa_request")
    assert asked(installation)["first_broken"] is None
    found = broken(installation, "ledger=1")
    assert (found["name"], "drift -1" in found["finding"]) == ("ledger", True)


def test_it_never_raises(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a link stumbles over is told."""
    opened = open_installation(installation.environment(), {})
    with closing(opened):
        for stumble in (ValueError("x\ud800"), OSError(5, "I/O error", "/x"), RecursionError()):
            assert_told(opened, monkeypatch, stumble)


def assert_told(opened: Opened, monkeypatch: pytest.MonkeyPatch, stumble: Exception) -> None:
    def fails(*_arguments: object, **_named: object) -> Any:
        raise stumble

    with monkeypatch.context() as patched:
        for part in (type(opened.database), type(opened.incoming), type(opened.health)):
            for name in ("reading", "writing", "status", "check", "problems"):
                if hasattr(part, name):
                    patched.setattr(part, name, fails)
        diagnosis: Diagnosis = diagnose(opened.scene(fails))
    assert [check.name for check in diagnosis.checks] == NAMES
    assert {"endpoint", "database", "modules"} <= {check.name for check in diagnosis.broken}


# The page, and the banner on the others.


def test_the_page_and_the_banner(installation: Installation, server: Server, admin: Visitor) -> None:
    assert "Something is broken" not in admin.page("/admin/settings/general")
    fail(installation, event(2, "type <b>bold</b>"))
    wait_until(lambda: "Something is broken" in admin.page("/admin/settings/general"), "there is no banner")
    page = admin.page("/admin/settings/general")
    assert 'href="/admin/diagnose">Diagnose</a>' in page
    assert "type &lt;b&gt;bold" in page
    page = admin.page("/admin/diagnose")
    assert "First broken: oldest event" in page
    assert "type <b>bold" not in page
    assert "What mends it:" in page


def test_the_page_with_the_database_away(installation: Installation, server: Server, admin: Visitor) -> None:
    admin.page("/admin/diagnose")
    execute(installation, "ALTER TABLE owa_login RENAME TO hidden")
    page = admin.page("/admin/diagnose", 503)
    stranger = server.request("GET", "/admin/diagnose", headers={"Cookie": "owa_login=forged"})
    assert "First broken: database" in page
    assert (stranger.status, b"database" in stranger.body) != (200, True)
    assert b"First broken" not in stranger.body


def test_the_page_verifies_the_ledger_when_asked_to(installation: Installation, server: Server, admin: Visitor) -> None:
    assert "Everything that was taken is somewhere." in admin.page("/admin/diagnose?ledger=1")

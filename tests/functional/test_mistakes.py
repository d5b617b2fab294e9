"""What an admin does wrong, or what goes wrong around OWA: a message that names the remedy, and no traceback."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, Install, Installation, environment, page_view, run, wait_until

PSERVE = [sys.executable, "-m", "pyramid.scripts.pserve"]


@pytest.fixture(scope="module")
def idle(install: Install) -> Installation:
    """An installation that gets no events."""
    return install()


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"OWA_TIMEZONE": "Mars"}, "OWA_TIMEZONE (environment): wants a time zone"),
        (
            {"OWA_DATABASE_URL": "foo", "OWA_DURABILITY": "foo"},
            "OWA_DATABASE_URL (environment): wants an SQLAlchemy URL",
        ),
        ({"OWA_DATA_DIR": ""}, "OWA_DATA_DIR (environment): wants a folder"),
        ({"PORT": "abc"}, "PORT=abc: wants a number from 1 to 65535"),
        ({"PORT": "99999"}, "PORT=99999: wants a number from 1 to 65535"),
    ],
)
@pytest.mark.parametrize("ini", ["development.ini", "production.ini"])
def test_server_that_cannot_start_says_why(
    idle: Installation, ini: str, variables: dict[str, str], complaint: str
) -> None:
    done = run([*PSERVE, ini], ROOT, idle.environment(**variables))
    assert done.status == 1
    assert complaint in done.out + done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("ini", ["development.ini", "production.ini"])
def test_port_that_is_taken(idle: Installation, ini: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run([*PSERVE, ini], ROOT, idle.environment(PORT=port))
    assert done.status == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.out + done.err
    assert "Traceback" not in done.err


def test_all_mistakes_are_reported_at_once(idle: Installation) -> None:
    done = idle.cli("cmd=queue-status", OWA_DATABASE_URL="foo", OWA_TIMEZONE="Mars", OWA_QUEUE_EVENT="1")
    assert done.status == 2
    assert [line.split(" ")[0] for line in done.err.splitlines()] == [
        "OWA_QUEUE_EVENT",
        "OWA_DATABASE_URL",
        "OWA_TIMEZONE",
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["cmd=add-site", "domain=a", "domain=b"], "domain is given twice"),
        (["cmd=add-site", "domain="], "domain='': wants a text"),
        (["cmd=add-site", "domain= https://example.org"], "without spaces around it"),
        (["cmd=add-site", "domain=https://example.org\n"], "wants a text in one line"),
        (["cmd=add-site", "domain=https://" + "x" * 300], "at most 255 characters"),
        (["cmd=install", "user_id="], "user_id='': wants a text"),
        (["cmd=install", "user_id=bob"], "There is an admin already: admin"),
        (["cmd=processEventQueue", "queues="], "queues='': wants a text"),
        (["cmd=processEventQueue", "path=x", "queues=processing"], "path and queues contradict each other"),
        (["cmd=queue-status", "format=xml"], "format=xml: wants json"),
    ],
)
def test_wrong_use_is_told(idle: Installation, words: list[str], complaint: str) -> None:
    done = idle.cli(*words)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err
    assert "Traceback" not in done.err


def test_word_that_is_no_text(idle: Installation) -> None:
    words = [sys.executable.encode(), str(ROOT / "cli.py").encode(), b"cmd=add-site", b"domain=\xff"]
    done = subprocess.run(words, env=environment(**idle.environment()), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"wants a text in UTF-8" in done.stderr


def test_fifo_as_a_queue_file(idle: Installation, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = idle.cli("cmd=processEventQueue", f"path={tmp_path / 'fifo'}")
    assert (done.status, "is no file" in done.err) == (2, True)


def test_reader_that_has_seen_enough(idle: Installation) -> None:
    script = f"{sys.executable} {ROOT / 'cli.py'} cmd=help | head -n 1"
    done = run(["sh", "-c", script], ROOT, idle.environment())
    assert (done.status, "Traceback" in done.err) == (0, False)


@pytest.mark.parametrize("ini", ["development.ini", "production.ini"])
@pytest.mark.parametrize("path", ["/%ff%fe", "/static/%ff", "/log.php/%ff"])
def test_address_that_is_no_text(idle: Installation, ini: str, path: str) -> None:
    with idle.serve(ini) as server:
        assert server.request("GET", path).status == 400


def test_queue_folder_that_is_removed_is_made_anew(queueing: Installation) -> None:
    with queueing.serve(OWA_SCHEDULER="1") as server:
        server.track(page_view())
        wait_until(lambda: queueing.rows("owa_request"), "the event was not stored")
        shutil.rmtree(queueing.data_dir / "logs")
        event = page_view()
        assert server.track(event).status == 204
        wait_until(lambda: queueing.request_of(event), "the event was not stored")


def test_events_that_cannot_be_kept_are_shown(queueing: Installation) -> None:
    with queueing.serve(OWA_SCHEDULER="0") as server:
        shutil.rmtree(queueing.data_dir / "logs")
        (queueing.data_dir / "logs").write_text("in the way")
        refused = server.track(page_view())
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        page = server.request("GET", "/").body.decode()
        assert "Events cannot be kept: trackers are answered 503." in page
        assert "Paste a site" not in page
        for _ in range(5):
            server.track(page_view())
        assert len(server.complaints) == 1, "a full disk must not be filled with complaints"


def test_what_root_makes_belongs_to_the_owner_of_the_folder(install: Install) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make files for somebody else")
    installation = install()
    for path in (installation.data_dir, *installation.data_dir.rglob("*")):
        os.chown(path, 65534, 65534)
    with installation.serve(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0") as server:
        server.track(page_view())
    installation.drain()
    assert {path.stat().st_uid for path in installation.data_dir.rglob("*")} == {65534}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is but one processor")
def test_each_worker_has_a_processor_of_its_own(idle: Installation) -> None:
    with idle.serve("production.ini") as server:
        parent = server.process.pid
        listed = run(["ps", "--ppid", str(parent), "-o", "pid="], ROOT, {}).out.split()
        masks = [os.sched_getaffinity(int(pid)) for pid in listed]
        wait_until(lambda: all(len(os.sched_getaffinity(int(pid))) == 1 for pid in listed), "workers are not pinned")
        masks = [os.sched_getaffinity(int(pid)) for pid in listed]
        assert len(masks) == len({tuple(mask) for mask in masks}) == 2
        assert {os.sched_getscheduler(int(pid)) for pid in listed} == {os.SCHED_BATCH}
        assert len(os.sched_getaffinity(parent)) > 1
        assert os.sched_getscheduler(parent) == os.SCHED_OTHER

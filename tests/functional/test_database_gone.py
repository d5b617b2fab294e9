"""Where nothing is installed, or the database's file was moved away: nobody makes an empty one unasked, and nothing is
lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path

import pytest

from tests.admin import Visitor
from tests.servers import Installation, page_view, wait_until

LOOKING = ("diagnose", "queue-status", "verify-ledger", "help", "no-such-command")
WORKING = ("processEventQueue", "add-site domain=http://x", "flush-processed-events", "pause queue=processing")


@contextmanager
def moved_away(installation: Installation) -> Iterator[None]:
    hidden = installation.database.with_suffix(".hidden")
    installation.database.rename(hidden)
    try:
        yield
    finally:
        assert not installation.database.exists(), "an empty one was made"
        hidden.rename(installation.database)


@pytest.mark.parametrize("command", [*LOOKING, *WORKING])
def test_in_an_empty_folder_nothing_is_made(tmp_path: Path, command: str) -> None:
    installation = Installation(tmp_path)
    installation.data_dir.mkdir()
    done = installation.cli(*f"cmd={command}".split())
    assert list(installation.data_dir.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["owa-data"]
    if command == "help":
        assert done.status == 0
    elif command == "no-such-command":
        assert (done.status, "There is no command" in done.err) == (2, True)
    else:
        assert done.status == 1
        assert "Nothing is installed here" in done.err
        assert "cmd=install" in done.err


@pytest.mark.parametrize("command", ["processEventQueue", "queue-status", "verify-ledger", "add-site domain=http://x"])
def test_commands_tell_that_the_file_is_gone(queueing: Installation, command: str) -> None:
    with moved_away(queueing):
        done = queueing.cli(*f"cmd={command}".split())
        assert (done.status, done.out) == (1, "")
        assert f"there is no file {queueing.database}" in done.err
        assert "Put it back" in done.err


def test_diagnose_names_the_database(queueing: Installation) -> None:
    queueing.drain()
    with moved_away(queueing):
        document = queueing.cli("cmd=diagnose", "format=json").json
    assert document["first_broken"] == "database"


def test_under_a_running_server(queueing: Installation) -> None:
    """Events are kept, the dashboard names the link, and all goes on when the file is back."""
    first, second = page_view(), page_view()
    with queueing.serve(OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1") as server:
        admin = Visitor(server).log_in()
        server.track(first)
        wait_until(lambda: queueing.request_of(first), "nobody drains")
        with moved_away(queueing):
            wait_until(lambda: "The job drain is paused" in server.stderr, "drains go on without their database")
            assert server.track(second).status == 204
            page = unescape(admin.page("/admin/diagnose", 503))
        assert "First broken: database" in page
        wait_until(lambda: queueing.request_of(second), "it does not go on by itself")


def test_replaced_under_a_running_server(queueing: Installation) -> None:
    """By another one, as whoever restores a wrong backup does it."""
    aside = queueing.folder / "aside"
    aside.mkdir()
    event = page_view()
    with queueing.serve() as server:
        admin = Visitor(server).log_in()
        for path in queueing.data_dir.glob("owa.db*"):
            path.rename(aside / path.name)
        with closing(sqlite3.connect(queueing.database)) as connection:
            connection.execute("CREATE TABLE something_else (id INTEGER)")
        page = admin.page("/admin/diagnose", 503)
        assert server.track(event).status == 204
        assert queueing.query("SELECT name FROM sqlite_master") == [{"name": "something_else"}]
    for path in queueing.data_dir.glob("owa.db*"):
        path.unlink()
    for path in aside.iterdir():
        path.rename(queueing.data_dir / path.name)
    assert "First broken: database" in page
    queueing.drain()
    assert queueing.request_of(event)


def test_install_makes_no_new_database_over_the_rest_of_one(queueing: Installation) -> None:
    """What its log holds would be lost."""
    log = queueing.database.with_name("owa.db-wal")
    with moved_away(queueing):
        log.write_bytes(b"what was not yet copied into it")
        done = queueing.cli("cmd=install")
        assert done.status == 1
        assert str(log) in done.err
        log.unlink()

"""The file queue's page on what was put aside."""

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import insert

from owa.accounts.audit import latest
from owa.app import Installation
from owa.processing.drain import drain_events
from owa.queues.tables import QUARANTINE
from tests.page_views import page_view
from tests.web import Web, serve, token

PAGE = "/admin/modules/file_queue/quarantine"
XSS = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from serve(tmp_path_factory.mktemp("quarantine"))


def damage(installation: Installation) -> str:
    """Put something into the queue that is no event, and drain it; returns the name of the file in quarantine."""
    kept = installation.queue_dir / "quarantine"
    before = set(kept.iterdir())
    installation.incoming.put([page_view(1, first=True)])
    with (installation.queue_dir / "events.txt").open("a") as file:
        file.write(f"{XSS}\n")
    drain_events(installation.incoming, installation.processor)
    (put,) = set(kept.iterdir()) - before
    return put.name


def note(installation: Installation, queue_id: str, segment: str) -> None:
    """A part of another queue's."""
    row = {"queue_id": queue_id, "segment": segment, "position": 0, "length": 1, "reason": "x", "excerpt": "x"}
    with installation.database.writing() as connection:
        connection.execute(insert(QUARANTINE).values(**row, found_at=1))


def delete(web: Web, segment: str, queue_id: str = "") -> Any:
    visitor = web.visitor("admin")
    queue_id = queue_id or (web.installation.queue_dir / "queue.id").read_text().strip()
    fields = {"csrf_token": token(visitor.get(PAGE)), "queue_id": queue_id, "segment": segment}
    return visitor.post(PAGE, fields, expect_errors=True)


def test_parts_are_shown_escaped_and_deleted_with_their_file(web: Web) -> None:
    name = damage(web.installation)
    page = web.visitor("admin").get(PAGE).text
    assert name in page
    assert unescape(page).count(XSS) == 1
    assert XSS not in page
    answer = delete(web, name)
    assert f"{name} is deleted." in answer.follow().text
    assert not (web.installation.queue_dir / "quarantine" / name).exists()
    assert name not in web.visitor("admin").get(PAGE).text
    assert web.installation.incoming.status().details["quarantined"] == 0
    with web.installation.database.reading() as connection:
        change = latest(connection, 1)[0]
    assert (change.action, change.subject) == ("delete quarantined file", f"file_queue: {name}")


def test_drained_files_are_listed(web: Web) -> None:
    web.installation.incoming.put([page_view(2, first=True)])
    drain_events(web.installation.incoming, web.installation.processor)
    (file,) = (web.installation.queue_dir / "archive").iterdir()
    assert file.name in web.visitor("admin").get(PAGE).text


@pytest.mark.parametrize("segment", ["", "../../owa.db", "..", "/etc/passwd", "nothing.txt", "events.txt"])
def test_nothing_else_is_deleted(web: Web, segment: str) -> None:
    (web.installation.queue_dir / "events.txt").touch()
    files = sorted(web.installation.data_dir.rglob("*"))
    assert delete(web, segment).status_int == 409
    assert sorted(web.installation.data_dir.rglob("*")) == files


def test_what_is_on_another_server_or_is_being_drained_stays(web: Web) -> None:
    note(web.installation, "another queue", "there.txt")
    answer = delete(web, "there.txt", "another queue")
    assert answer.status_int == 409
    assert "On another server: delete it there." in answer.text
    mine = (web.installation.queue_dir / "queue.id").read_text().strip()
    note(web.installation, mine, "here.txt")
    draining = web.installation.queue_dir / "unprocessed" / "here.txt"
    draining.touch()
    assert "It is being drained." in delete(web, "here.txt").text
    draining.unlink()
    assert delete(web, "here.txt").status_int == 303  # its file is gone


def test_of_a_copied_file_only_the_notes_go(web: Web) -> None:
    note(web.installation, "copied-file", "copied.txt")
    kept = web.installation.queue_dir / "quarantine" / "copied.txt"
    kept.touch()
    assert delete(web, "copied.txt", "copied-file").status_int == 303
    assert kept.exists()
    kept.unlink()


def test_a_folder_that_cannot_be_used_is_explained(web: Web) -> None:
    folder = web.installation.queue_dir / "archive"
    moved = folder.rename(folder.with_name("moved"))
    folder.write_text("no folder")
    page = web.visitor("admin").get(PAGE, expect_errors=True)
    folder.unlink()
    moved.rename(folder)
    assert page.status_int == 500
    assert "Cannot use the queue" in page.text
    assert "chown -R USER" in page.text

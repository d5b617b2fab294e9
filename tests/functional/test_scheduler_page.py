"""The page on regular jobs, and what is done there."""

import re
from collections.abc import Iterator

import pytest

from tests.admin import Visitor
from tests.servers import Install, Installation, Server, wait_until

PAGE = "/admin/scheduler"


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    """Without a scheduler."""
    return queueing


@pytest.fixture
def scheduling(install: Install) -> Iterator[tuple[Installation, Server]]:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    with installation.serve() as server:
        yield installation, server


def row(page: str, job: str) -> str:
    """The row of a job, without its markup."""
    found = re.search(rf"<tr>\s*<td[^>]*><a[^>]*><strong>{job}</strong>.*?</tr>", page, re.DOTALL)
    assert found, page
    return " ".join(re.sub("<[^>]+>", " ", found[0]).split())


def test_without_a_scheduler_the_cron_line_is_shown_and_when_cron_came(
    installation: Installation, admin: Visitor
) -> None:
    page = admin.text(PAGE)
    assert "The scheduler is off in this process." in page
    assert f"OWA_DATA_DIR={installation.data_dir}" in page
    assert "cmd=processEventQueue" in page
    assert "No command has drained so far." in page
    installation.drain()
    assert re.search(r"A command last drained .* ago", admin.text(PAGE))
    assert "nobody" in row(admin.page(PAGE), "clean")


def test_who_runs_what_is_shown(scheduling: tuple[Installation, Server]) -> None:
    installation, server = scheduling
    admin = Visitor(server).log_in()
    wait_until(
        lambda: len(installation.query("SELECT DISTINCT job FROM owa_job_run")) >= 2, "the scheduler runs nothing"
    )
    page = admin.page(PAGE)
    assert "is off" not in page
    for job in ("drain", "retry"):
        assert f":{server.process.pid}" in row(page, job)
        assert re.search(r"nothing to do|running", row(page, job))
        assert re.search(r" (now|in [0-9.]+ s) ", row(page, job))
    assert "Deletes drained queue files that were kept for long enough. One process on each server." in row(
        page, "prune"
    )


def test_each_job_of_ours_says_what_it_does(admin: Visitor) -> None:
    assert "From a module." not in admin.page(PAGE)


def test_what_is_not_yet_due_after_a_start_is_no_alarm(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1")
    with installation.serve() as server:
        shown = row(Visitor(server).log_in().page(PAGE), "clean")
    assert "not yet run here" in shown
    assert "nobody" not in shown
    assert re.search(r" in [0-9.]+ (s|min) ", shown)


def test_next_knows_of_pauses(scheduling: tuple[Installation, Server]) -> None:
    _, server = scheduling
    admin = Visitor(server).log_in()
    admin.page(PAGE)
    admin.told(PAGE, act="pause", kind="queue", name="processing")
    admin.told(PAGE, act="pause", kind="job", name="clean")
    page = admin.page(PAGE)
    for job in ("retry", "deliver"):
        assert re.search(r"queue paused since [0-9: -]+ UTC by admin ", row(page, job))
    assert re.search(r"paused since [0-9: -]+ UTC by admin ", row(page, "clean"))
    assert "paused" not in row(page, "drain")


def test_a_job_is_run_now(installation: Installation, server: Server, admin: Visitor) -> None:
    server.track()
    admin.page(PAGE)
    assert admin.told(PAGE, act="run", name="drain") == "drain: 1 processed."
    assert len(installation.rows("owa_request")) == 1
    (run,) = installation.query("SELECT job, caller, result FROM owa_job_run")
    assert run == {"job": "drain", "caller": "dashboard", "result": "done"}
    assert admin.told(PAGE, act="run", name="prune") == "prune: Nothing to do."
    assert installation.query("SELECT * FROM owa_job_lease") == []  # others may have it
    assert [row["subject"] for row in installation.query("SELECT subject FROM owa_audit WHERE action = 'run job'")] == [
        "drain",
        "prune",
    ]
    assert admin.post(PAGE, act="run", name="draim").status == 400


def test_a_job_of_another_process_is_run_there(scheduling: tuple[Installation, Server]) -> None:
    installation, server = scheduling
    wait_until(lambda: installation.query("SELECT * FROM owa_job_lease WHERE job = 'retry'"), "nobody leads")
    with installation.serve(OWA_SCHEDULER="0") as other:
        admin = Visitor(other).log_in()
        admin.page(PAGE)
        told = admin.told(PAGE, act="run", name="retry")
        assert told.startswith("retry is asked for: the process ")
        assert "“Run now” runs a job in the process that has it" in admin.text(PAGE)
        assert f":{server.process.pid} begins it within seconds" in told
        wait_until(lambda: not installation.query("SELECT * FROM owa_job_wish"), "nobody has taken it up")
        assert Visitor(server).log_in().told(PAGE, act="run", name="retry").startswith("retry: ")


def test_a_queue_is_paused_with_a_reason_and_resumed(
    installation: Installation, server: Server, admin: Visitor
) -> None:
    server.track()
    admin.page(PAGE)
    queue = {"kind": "queue", "name": "incoming_tracking_events"}
    told = admin.told(PAGE, act="pause", note="a backup <b>", **queue)
    assert told.startswith("The queue incoming_tracking_events is paused.")
    page = admin.text(PAGE)
    assert "by admin, " in page
    assert "a backup <b>" in page
    assert "a backup <b>" not in admin.page(PAGE)
    assert "admin has paused the queue incoming_tracking_events" in admin.page("/admin/queues")
    assert "admin has paused the queue" in admin.told("/admin/queues")
    assert installation.rows("owa_request") == []
    assert admin.told(PAGE, act="pause", **queue) == (
        "The queue incoming_tracking_events was paused already. A batch that is under way is finished; "
        "events are still accepted."
    )
    assert admin.told(PAGE, act="resume", **queue) == "The queue incoming_tracking_events goes on."
    assert admin.told(PAGE, act="resume", **queue) == "The queue incoming_tracking_events was not paused."
    admin.told("/admin/queues")
    wait_until(lambda: installation.rows("owa_request"), "it is not drained")


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "pause", "kind": "queue", "name": "nowhere"},
        {"act": "pause", "kind": "job", "name": "nothing\0"},
        {"act": "pause", "kind": "server", "name": "drain"},
        {"act": "stop"},
        {},
    ],
)
def test_what_makes_no_sense_is_refused(admin: Visitor, fields: dict[str, str]) -> None:
    admin.page(PAGE)
    assert admin.post(PAGE, fields).status == 400


def test_runs_of_a_job_are_listed_page_by_page(installation: Installation, admin: Visitor) -> None:
    for _ in range(3):
        installation.drain()
    page = admin.text("/admin/scheduler/runs?job=drain")
    assert page.count("a command") == 3
    assert "Older runs" not in page
    (last,) = installation.query("SELECT max(id) AS id FROM owa_job_run WHERE job = 'drain'")
    assert admin.text(f"/admin/scheduler/runs?job=drain&before={last['id']}").count("a command") == 2
    assert "No older run" in admin.text("/admin/scheduler/runs?job=drain&before=1")
    assert "No run of deliver is on record" in admin.text("/admin/scheduler/runs?job=deliver")
    for query in ("job=nothing", ""):
        assert admin.get(f"/admin/scheduler/runs?{query}").status == 404


def test_a_verification_says_what_it_verified(installation: Installation, server: Server, admin: Visitor) -> None:
    server.track()
    installation.drain()
    admin.page(PAGE)
    told = admin.told(PAGE, act="run", name="verify")
    assert told == "verify: Verified 1 line of the ledger, one for each server and site, of 1 events taken: no drift."

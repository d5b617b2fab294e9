"""Paused queues and jobs, with real servers and commands."""

import pytest

from tests.servers import Install, Installation, Result, wait_until


def requests(installation: Installation) -> int:
    return len(installation.rows("owa_request"))


def test_cron_leaves_a_paused_queue_alone_without_a_complaint(queueing: Installation) -> None:
    assert queueing.cli("cmd=pause", "queue=incoming_tracking_events", "note=backup") == Result(0, "", "")
    with queueing.serve() as server:
        assert server.track().status == 204
    queueing.drain()
    assert requests(queueing) == 0
    done = queueing.cli("cmd=processEventQueue", "format=json")
    assert (done.status, done.err) == (0, "")
    assert done.json["queues"]["incoming_tracking_events"]["paused"] is True
    assert "paused" not in done.json["queues"]["processing"]
    told = queueing.cli("cmd=processEventQueue", "verbose=1").out
    assert "command line has paused the queue incoming_tracking_events" in told
    assert "backup" in told
    assert queueing.cli("cmd=verify-ledger").status == 0
    assert queueing.cli("cmd=resume", "queue=incoming_tracking_events", "verbose=1").out.endswith("goes on.\n")
    queueing.drain()
    assert requests(queueing) == 1


def test_synchronous_mode_queues_while_the_queue_is_paused(storing: Installation) -> None:
    with storing.serve() as server:
        server.track()
        assert requests(storing) == 1
        storing.cli("cmd=pause", "queue=incoming_tracking_events")
        assert server.track().status == 204
        assert server.complaints == []  # somebody wants it
        assert requests(storing) == 1
        assert storing.status()["queues"]["incoming_tracking_events"]["depth"] == 1
        storing.cli("cmd=resume", "queue=incoming_tracking_events")
        server.track()
        assert requests(storing) == 2
    storing.drain()
    assert requests(storing) == 3
    assert storing.cli("cmd=verify-ledger").status == 0


def test_the_scheduler_leaves_paused_queues_and_jobs_alone(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    installation.cli("cmd=pause", "queue=incoming_tracking_events")
    installation.cli("cmd=pause", "job=retry")
    with installation.serve() as server:
        server.track()
        wait_until(lambda: "drain is paused: command line has" in server.stderr, "the drain does not say it")
        wait_until(lambda: "retry is paused: command line has" in server.stderr, "the job does not say it")
        assert requests(installation) == 0
        assert installation.query("SELECT * FROM owa_job_run WHERE job IN ('drain', 'retry')") == []
        installation.cli("cmd=resume", "queue=incoming_tracking_events")
        wait_until(lambda: requests(installation) == 1, "the queue is still paused")
        installation.cli("cmd=resume", "job=retry")
        wait_until(lambda: "The job retry goes on." in server.stderr, "the job is still paused")


@pytest.mark.parametrize(
    "words",
    [["queue=incoming"], ["job=draim"], [], ["queue=processing", "job=drain"]],
    ids=["queue", "job", "nothing", "both"],
)
def test_a_pause_of_nothing_is_refused(queueing: Installation, words: list[str]) -> None:
    assert queueing.cli("cmd=pause", *words).status == 2


def test_a_job_and_a_queue_at_once_are_told(queueing: Installation) -> None:
    for command in ("pause", "resume"):
        done = queueing.cli(f"cmd={command}", "job=clean", "queue=processing")
        assert done == Result(
            2, "", f"queue and job are both given: {command} wants one of them. Run it once for each.\n"
        )

"""Two web processes on one data folder: one drains, and when it is killed, the other does."""

import os
import signal
import sys
from typing import Any

from tests.servers import ROOT, Install, Installation, page_view, run, wait_until


def runs(installation: Installation) -> list[dict[str, Any]]:
    """Of the jobs, without those that found nothing to do, the first one first."""
    return installation.query("SELECT * FROM owa_job_run WHERE figures != CAST('{}' AS BLOB) ORDER BY id")


def stored(installation: Installation) -> int:
    return int(installation.query("SELECT count(*) AS n FROM owa_request")[0]["n"])


def test_one_of_two_web_processes_drains_and_the_other_takes_over(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    servers = [installation.serve(), installation.serve()]
    session = page_view()
    try:
        for number in range(3):
            servers[number % 2].track(page_view())
            wait_until(lambda number=number: stored(installation) == number + 1, "the event was not drained")  # type: ignore[misc]
        servers[0].track(session | {"owa_is_new_session": "", "owa_page_url": "http://shop.example/later"})
        wait_until(lambda: stored(installation) == 4, "the event was not drained")
        (owner,) = {run["owner"] for run in runs(installation)}
        pid = int(owner.rpartition(":")[2])
        (runner,) = [server for server in servers if server.process.pid == pid]
        (other,) = [server for server in servers if server is not runner]

        os.kill(pid, signal.SIGKILL)
        other.track(session)
        own = f":{other.process.pid}"  # a run is on record a little after what it stored
        wait_until(lambda: runs(installation)[-1]["owner"].endswith(own), "nobody took over")
        assert stored(installation) == 5
        last = runs(installation)[-1]
        assert (last["caller"], last["result"], last["job"]) == ("scheduler", "done", "drain")
        assert b'"processed":2' in last["figures"]
    finally:
        for server in servers:
            server.kill()


def test_what_cron_runs_is_recorded_too(queueing: Installation) -> None:
    with queueing.serve() as server:
        server.track()
    queueing.drain()
    drain, retry, clean = queueing.query("SELECT job, caller, result FROM owa_job_run ORDER BY id")
    assert clean == {"job": "clean", "caller": "command", "result": "done"}
    assert drain == {"job": "drain", "caller": "command", "result": "done"}
    assert retry == {"job": "retry", "caller": "command", "result": "done"}
    shown = queueing.status()["last_runs"]
    assert [(run["job"], run["figures"]) for run in shown] == [
        ("clean", {}),
        ("drain", {"processed": 1}),
        ("retry", {}),
    ]
    queueing.drain()
    assert len(queueing.query("SELECT id FROM owa_job_run")) == 5, "an hour later is soon enough to clean up again"


def test_a_web_process_that_is_stopped_gives_its_jobs_back(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    with installation.serve() as server:
        wait_until(lambda: installation.query("SELECT job FROM owa_job_lease"), "nobody runs the jobs")
        server.stop()
    assert installation.query("SELECT job FROM owa_job_lease") == []


def test_a_run_that_was_killed_is_shown_as_dead(queueing: Installation) -> None:
    assert queueing.cli("cmd=generate-traffic", "events=3000").status == 0
    words = ["-m", "tests.faults.killed", "commit:before", "4", "--", "cli", "cmd=processEventQueue"]
    killed = run([sys.executable, *words], ROOT, queueing.environment())
    assert killed.status == -signal.SIGKILL
    (last,) = queueing.status()["last_runs"]
    assert (last["job"], last["result"]) == ("drain", "died")

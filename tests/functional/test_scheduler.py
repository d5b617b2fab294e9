"""Two web processes on one data folder: one drains, and when it is killed, the other does."""

import os
import signal
from typing import Any

from tests.servers import Install, Installation, page_view, wait_until


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
        wait_until(lambda: stored(installation) == 5, "nobody took over")
        last = runs(installation)[-1]
        assert last["owner"].endswith(f":{other.process.pid}")
        assert (last["caller"], last["result"], last["job"]) == ("scheduler", "done", "drain")
        assert b'"processed":2' in last["figures"]
    finally:
        for server in servers:
            server.kill()


def test_what_cron_runs_is_recorded_too(queueing: Installation) -> None:
    with queueing.serve() as server:
        server.track()
    queueing.drain()
    drain, retry = queueing.query("SELECT job, caller, result FROM owa_job_run ORDER BY id")
    assert drain == {"job": "drain", "caller": "command", "result": "done"}
    assert retry == {"job": "retry", "caller": "command", "result": "done"}
    shown = queueing.status()["last_runs"]
    assert [(run["job"], run["figures"]) for run in shown] == [("drain", {"processed": 1}), ("retry", {})]

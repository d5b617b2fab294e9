"""One runner for each job, and a record of each run."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import update

from owa.accounts import logins, throttle
from owa.accounts.audit import COMMAND_LINE
from owa.admin_contributions import ScheduledJob
from owa.app import Installation, open_installation
from owa.clock import FixedClock
from owa.db import jobs, pauses
from owa.db.configuration import store_settings
from owa.db.migrate import upgrade
from owa.db.modules import Process, note_process, stored_modules
from owa.delivery.deliveries import Deliveries
from owa.errors import DatabaseUnavailable, HeldByAnother, ModuleFailed, Outage, QueueUnavailable
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.node import this_process
from owa.processing.cleaning import IDLE_RUNS_AGE
from owa.processing.cleaning import INTERVAL as CLEAN_INTERVAL
from owa.processing.drain import Drained, drain_events
from owa.processors import NICENESS
from owa.scheduler import leaderships, schedule
from owa.scheduler.at_work import AtWork
from owa.scheduler.contributed import contributed_jobs
from owa.scheduler.jobs import Job, Jobs, Scope
from owa.scheduler.leadership import LEASE, OnOneServer, OnThisServer
from owa.scheduler.now import Begun, RunNow
from owa.scheduler.overview import overview
from owa.scheduler.scheduler import Scheduler
from owa.scheduler.wishing import Wishing
from owa.switching import switch_on
from owa.views import Application
from tests.contributing import FILES, HOOKED
from tests.packages import install_package
from tests.page_views import NOON, page_view


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def installation(tmp_path: Path, clock: FixedClock) -> Iterator[Installation]:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_SERVER_NUMBER": "7"}, {}, clock)
    upgrade(installation.database)
    yield installation
    installation.close()


def regular(installation: Installation) -> Jobs:
    return Jobs(
        installation.incoming,
        installation.retries,
        installation.processor,
        installation.database,
        installation.runs("scheduler"),
        lambda: installation.configuration.current().settings,
        Deliveries(installation),
        installation.clock,
    )


def contributed(installation: Installation) -> list[Job]:
    """Those of modules."""
    return contributed_jobs(
        installation.registry, installation.isolation, installation.runs("scheduler"), installation.contexts.module
    )


class WatchingClock(FixedClock):
    """Notes how nice those are who ask it."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.seen: set[int] = set()

    def now(self) -> int:
        self.seen.add(os.getpriority(os.PRIO_PROCESS, 0))
        return super().now()


@pytest.mark.parametrize("job", ["drain", "retry"])
def test_a_drain_of_the_scheduler_makes_way(tmp_path: Path, job: str) -> None:
    clock = WatchingClock(NOON)
    with closing(open_installation({"OWA_DATA_DIR": str(tmp_path)}, {}, clock)) as opened:
        upgrade(opened.database)
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert clock.seen <= {ours}
        getattr(regular(opened), job)()
    assert clock.seen == {ours, min(19, ours + NICENESS)}


def recorded(installation: Installation) -> list[jobs.Run]:
    """The runs, the first one first."""
    with installation.database.reading() as connection:
        return jobs.latest(connection, 1_000)[::-1]


# Who runs a job


def test_one_process_of_a_server_holds_a_job_until_it_lets_go(tmp_path: Path) -> None:
    first, second = OnThisServer(tmp_path / "drain.runner"), OnThisServer(tmp_path / "drain.runner")
    assert first.holds()
    assert not second.holds()
    assert first.holds()
    first.give_up()
    assert second.holds()
    assert not first.holds()


def test_the_death_of_the_runner_frees_its_job(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from owa.scheduler.leadership import OnThisServer;"
        "print(OnThisServer(pathlib.Path(sys.argv[1])).holds(), flush=True); time.sleep(600)"
    )
    runner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert runner.stdout is not None
    with runner.stdout as output:
        assert output.readline() == b"True\n"
        other = OnThisServer(tmp_path / "lock")
        assert not other.holds()
        runner.kill()
        runner.wait()
        assert other.holds()
    other.give_up()


def test_one_of_all_servers_holds_a_job_as_long_as_it_renews_its_lease(
    installation: Installation, clock: FixedClock
) -> None:
    first, second = (OnOneServer("retry", installation.database, clock) for _ in range(2))
    assert first.holds()
    for _ in range(5):
        clock.move(LEASE * 0.6)
        assert not second.holds()
        assert first.holds()
    clock.move(LEASE)
    assert second.holds()
    assert not first.holds()
    second.give_up()
    assert first.holds()


def test_a_runner_that_was_stopped_past_its_lease_finds_another_in_its_place(
    installation: Installation, clock: FixedClock
) -> None:
    stopped, other = (OnOneServer("retry", installation.database, clock) for _ in range(2))
    assert stopped.holds()
    clock.move(LEASE + 1)
    assert other.holds()
    stopped.give_up()  # of what is not its own any more
    assert not stopped.holds()
    assert other.holds()


@pytest.mark.parametrize(("owner", "passes_on"), [("", True), ("elsewhere.example:1", False)])
def test_the_lease_of_a_dead_process_of_this_machine_passes_on_at_once(
    installation: Installation, clock: FixedClock, owner: str, passes_on: bool
) -> None:
    code = "import owa.node; print(owa.node.this_process())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert OnOneServer("retry", installation.database, clock).holds()
    with installation.database.writing() as connection:
        connection.execute(update(jobs.JOB_LEASE).values(owner=owner or ended))
    assert OnOneServer("retry", installation.database, clock).holds() == passes_on


def test_each_job_has_a_lease_of_its_own(installation: Installation, clock: FixedClock) -> None:
    retry, sweep = (OnOneServer(job, installation.database, clock) for job in ("retry", "sweep"))
    assert retry.holds()
    assert sweep.holds()
    with installation.database.reading() as connection:
        found = [(row["job"], row["owner"]) for row in jobs.leases(connection)]
    assert found == [("retry", this_process()), ("sweep", this_process())]


# What is recorded


def test_a_drain_is_recorded_with_who_when_how_long_and_what_came_of_it(installation: Installation) -> None:
    installation.incoming.put([page_view(1, first=True), page_view(1, first=True), page_view(2, session=5)])
    regular(installation).drain()
    (run,) = recorded(installation)
    assert run.duration > 0
    assert replace(run, duration=0) == jobs.Run(
        job="drain",
        server=7,
        owner=this_process(),
        caller="scheduler",
        started_at=NOON,
        duration=0,
        result="done",
        figures={"processed": 1, "duplicate": 1, "waiting": 1},
    )


def test_a_run_that_found_something_away_is_recorded_as_paused(installation: Installation) -> None:
    outage = QueueUnavailable("The folder is gone.", "Bring it back.")
    installation.runs("scheduler").drain("drain", lambda: Drained(outage=outage))
    (run,) = recorded(installation)
    assert (run.result, run.detail, run.figures) == ("paused", "The folder is gone. Bring it back.", {})


def test_a_run_that_raised_is_recorded_as_failed(installation: Installation) -> None:
    def clean() -> dict[str, int]:
        raise PermissionError(13, "Permission denied", "archive")

    with pytest.raises(PermissionError):
        installation.runs("scheduler").clean("prune", clean)
    (run,) = recorded(installation)
    assert run.result == "failed"
    assert "archive" in run.detail


def test_finding_another_drain_at_work_is_no_run(installation: Installation) -> None:
    with installation.incoming.drain(), pytest.raises(HeldByAnother):
        regular(installation).drain()
    assert recorded(installation) == []


def test_a_run_that_cannot_be_recorded_has_run_all_the_same(installation: Installation) -> None:
    installation.incoming.put([page_view(1, first=True)])
    with installation.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE owa_job_run")
    drained = installation.runs("scheduler").drain(
        "drain", lambda: drain_events(installation.incoming, installation.processor)
    )
    assert drained.report.processed == 1


def test_clean_forgets_what_was_kept_for_the_eye(installation: Installation, clock: FixedClock) -> None:
    installation.incoming.put([page_view(2, at=2)])
    regular(installation).drain()
    installation.incoming.put([page_view(1, first=True)])
    regular(installation).drain()  # the page view that waited is finished: its row stays for the eye
    regular(installation).drain()  # nothing to do
    assert [run.figures for run in recorded(installation)] == [{"waiting": 1}, {"processed": 2}, {}]
    assert regular(installation).clean() == {
        "finished": 0,
        "acts": 0,
        "runs": 0,
        "processes": 0,
        "samples": 0,
        "answers": 0,
        "logins": 0,
        "failed_logins": 0,
    }
    clock.move(IDLE_RUNS_AGE + 1)
    assert regular(installation).clean() == {
        "finished": 0,
        "acts": 0,
        "runs": 1,
        "processes": 0,
        "samples": 0,
        "answers": 0,
        "logins": 0,
        "failed_logins": 0,
    }
    clock.move(7 * 86_400)
    assert regular(installation).clean() == {
        "finished": 1,
        "acts": 0,
        "runs": 2,
        "processes": 0,
        "samples": 0,
        "answers": 0,
        "logins": 0,
        "failed_logins": 0,
    }
    with installation.database.reading() as connection:
        assert connection.execute(QUEUE_ITEM.select()).all() == []


def test_clean_forgets_logins_that_have_ended_and_failed_ones(installation: Installation, clock: FixedClock) -> None:
    with installation.database.writing() as connection:
        logins.begin(connection, "ada", NOON, "", "")
        throttle.attempt(connection, [throttle.name_subject("ada")], NOON)
    kept = regular(installation).clean()
    clock.move(2 * 86_400)
    forgotten = regular(installation).clean()
    assert [(figures["logins"], figures["failed_logins"]) for figures in (kept, forgotten)] == [(0, 0), (1, 1)]


# The scheduler


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(installation: Installation, tmp_path: Path, *made: Job) -> Scheduler:
    scheduler = schedule(made, tmp_path, installation.database, installation.clock)
    scheduler.start()
    return scheduler


@pytest.mark.parametrize("scope", Scope)
def test_of_several_schedulers_one_runs_a_job_and_the_next_takes_over(
    installation: Installation, tmp_path: Path, scope: Scope
) -> None:
    ran: list[int] = []
    made = [Job("work", 1, scope, partial(ran.append, number)) for number in range(3)]
    schedulers = [started(installation, tmp_path, job) for job in made]
    until(lambda: len(ran) >= 3)
    assert len(set(ran)) == 1
    schedulers[ran[0]].stop()
    before = ran[0]
    until(lambda: ran[-1] != before)
    for scheduler in schedulers:
        scheduler.stop()


def test_a_job_that_fails_is_logged_once_and_holds_up_no_other(
    installation: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    def fail() -> None:
        ran.append("failing")
        raise DatabaseUnavailable("It is away.")

    def work() -> None:
        ran.append("working")

    with caplog.at_level(logging.WARNING, "owa"):
        scheduler = started(
            installation, tmp_path, Job("failing", 1, Scope.SERVER, fail), Job("working", 1, Scope.SERVER, work)
        )
        until(lambda: ran.count("failing") >= 2 and ran.count("working") >= 2)
        scheduler.stop()
    assert [record.message for record in caplog.records] == ["The job failing is paused: It is away."]


def test_a_job_with_a_bug_is_logged_with_its_traceback_and_recorded(
    installation: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = installation.runs("scheduler")

    def divide() -> dict[str, int]:
        return {"half": 1 // 0}

    with caplog.at_level(logging.WARNING, "owa"):
        scheduler = started(installation, tmp_path, Job("bug", 1, Scope.SERVER, lambda: runs.clean("bug", divide)))
        until(lambda: len(recorded(installation)) >= 2)
        scheduler.stop()
    (told,) = caplog.records
    assert told.message.startswith("The job bug is paused: ZeroDivisionError")
    assert "Traceback" in told.getMessage()
    assert "ZeroDivisionError" in recorded(installation)[0].detail


def test_a_paused_job_is_not_run_until_it_is_resumed(installation: Installation, tmp_path: Path) -> None:
    ran: list[str] = []
    with installation.database.writing() as connection:
        pauses.pause(connection, pauses.Pause(pauses.JOB, "paused", NOON, "ada"))
    made = [Job(name, 1, Scope.SERVER, partial(ran.append, name)) for name in ("paused", "other")]
    scheduler = started(installation, tmp_path, *made)
    until(lambda: len(ran) >= 3)
    assert set(ran) == {"other"}
    with installation.database.writing() as connection:
        pauses.resume(connection, pauses.JOB, "paused")
    until(lambda: "paused" in ran)
    scheduler.stop()


# Jobs that somebody wants now


def run_now(installation: Installation, tmp_path: Path, *made: Job) -> RunNow:
    decide, at_work = leaderships(tmp_path, installation.database, installation.clock), AtWork()
    return RunNow(lambda: made, lambda job: (decide(job), True), lambda: at_work)


@pytest.mark.parametrize("scope", Scope)
def test_a_wish_for_a_job_reaches_the_process_that_runs_it(
    installation: Installation, tmp_path: Path, scope: Scope
) -> None:
    ran: list[int] = []
    job = Job("count", 3_600, scope, lambda: ran.append(1))
    database, clock = installation.database, installation.clock
    held = leaderships(tmp_path, database, clock)(job)
    assert held.holds()
    asked = run_now(installation, tmp_path, job)
    runner = RunNow(lambda: [job], lambda _job: (held, False), AtWork)
    assert asked.start("count") is Begun.HELD
    other_server = Wishing(database, clock, 2, run_now(installation, tmp_path, job))
    here, elsewhere = Wishing(database, clock, 1, runner), Wishing(database, clock, 1, asked)
    elsewhere.wish("count")
    elsewhere.wish("count")
    elsewhere.grant()
    if scope is Scope.SERVER:
        other_server.grant()
    assert ran == []
    here.grant()
    runner.stop()
    here.grant()
    runner.stop()
    assert ran == [1]


@pytest.mark.parametrize("scope", Scope)
def test_a_job_is_run_now_once_at_a_time(installation: Installation, tmp_path: Path, scope: Scope) -> None:
    ends, ran = Event(), []

    def work() -> dict[str, int]:
        ran.append(1)
        ends.wait(60)
        return {"sheep": 3, "wolves": 0}

    job = Job("count", 3_600, scope, work)
    here, elsewhere = run_now(installation, tmp_path, job), run_now(installation, tmp_path, job)
    assert here.start("count") is Begun.STARTED
    until(lambda: ran == [1])
    assert here.outcome("count", 0.01) is None
    assert (here.start("count"), elsewhere.start("count")) == (Begun.BUSY, Begun.HELD)
    assert here.start("nothing") is Begun.UNKNOWN
    ends.set()
    assert here.outcome("count", 60) == "3 sheep."
    assert elsewhere.start("count") is Begun.STARTED  # it was given up
    elsewhere.stop()
    assert ran == [1, 1]


def test_what_came_of_a_job_is_told(installation: Installation, tmp_path: Path) -> None:
    def fail() -> None:
        raise DatabaseUnavailable("It is away.", "Wait.")

    def break_() -> int:
        return 1 // 0

    now = run_now(
        installation,
        tmp_path,
        Job("fails", 9, Scope.SERVER, fail),
        Job("breaks", 9, Scope.SERVER, break_),
        Job("idle", 9, Scope.SERVER, lambda: {"sheep": 0}),
        Job("away", 9, Scope.SERVER, lambda: Drained(outage=QueueUnavailable("No disk."))),
    )
    told: dict[str, str] = {}
    for name in ("fails", "breaks", "idle", "away"):
        now.start(name)
        told[name] = now.outcome(name, 60) or ""
    assert told.pop("breaks").startswith("It failed, see the server's log: ZeroDivisionError: ")
    assert told == {"fails": "It is away. Wait.", "idle": "Nothing to do.", "away": "No disk."}


def test_who_has_a_job_that_is_rarely_due_is_alive_as_long_as_his_process(
    installation: Installation, tmp_path: Path, clock: FixedClock
) -> None:
    made = [Job("rare", 3_600, Scope.ALL, lambda: None), Job("local", 9, Scope.SERVER, lambda: None)]

    def runners() -> list[tuple[str, bool | None]]:
        with installation.database.reading() as connection:
            states = overview(connection, made, tmp_path, 7, clock.now())
        return [(runner.process, runner.is_alive) for state in states for runner in state.runners]

    assert runners() == [("", False), ("", False)]
    assert OnOneServer("rare", installation.database, clock).holds()
    lock = OnThisServer(tmp_path / "local.runner")
    assert lock.holds()
    assert runners() == [(this_process(), True), ("", True)]
    clock.move(LEASE + 1)
    assert runners()[0] == (this_process(), False)
    with installation.database.writing() as connection:
        note_process(connection, Process(this_process(), 7, 1, "", clock.now()))
        note_process(connection, Process("elsewhere:1", 8, 1, "", clock.now()))
    assert runners() == [(this_process(), True), ("", True), ("", None)]  # the last one: on server 8
    lock.give_up()
    assert runners()[1] == ("", False)


def test_the_regular_jobs_are_all_there(installation: Installation) -> None:
    found = {job.name: (job.interval, job.scope) for job in regular(installation).all(drain_interval=2)}
    assert sorted(found) == sorted(jobs.JOBS)
    assert found["drain"] == (2, Scope.SERVER)
    assert found["retry"] == (2, Scope.ALL)
    assert found["clean"] == (CLEAN_INTERVAL, Scope.ALL)
    interval, scope = found["sweep"]
    assert interval <= 60  # at least once a minute
    assert scope is Scope.ALL


def test_each_regular_job_runs(installation: Installation) -> None:
    for job in (*regular(installation).all(drain_interval=2), *contributed(installation)):
        job.run()
    assert [(run.job, run.result) for run in recorded(installation)] == [
        (name, "done")
        for name in ("drain", "retry", "sweep", "clean", "sample", "sample_processing", "verify", "prune")
    ]


def test_an_outage_is_told_when_it_comes_and_when_it_goes(
    installation: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outages: list[Outage | None] = [QueueUnavailable("No disk."), QueueUnavailable("No disk."), None, None]

    def drain() -> Drained:
        return Drained(outage=outages.pop(0) if outages else None)

    with caplog.at_level(logging.WARNING, "owa"):
        scheduler = started(installation, tmp_path, Job("drain", 1, Scope.SERVER, drain))
        until(lambda: not outages)
        scheduler.stop()
    messages = [record.message for record in caplog.records]
    assert messages == ["The job drain is paused: No disk.", "The job drain goes on."]


# The jobs of modules


def of_module(name: str, run: Callable[[], object], interval: int = 1) -> Job:
    """As `contributed_jobs` makes them."""
    made = ScheduledJob(name, interval, lambda _: {})
    return Job(name, interval, Scope.SERVER, run, contributed=made)


def test_jobs_of_modules_come_and_go_and_the_others_stay(installation: Installation, tmp_path: Path) -> None:
    ran: list[str] = []
    scheduler = started(installation, tmp_path, Job("ours", 1, Scope.SERVER, partial(ran.append, "ours")))
    theirs = of_module("theirs", partial(ran.append, "theirs"))
    scheduler.follow([theirs])
    until(lambda: "theirs" in ran)
    scheduler.follow([theirs, of_module("later", partial(ran.append, "later"))])
    until(lambda: "later" in ran)
    scheduler.follow([])
    other = OnThisServer(tmp_path / "theirs.runner")
    assert other.holds()  # whoever has it next, may
    other.give_up()
    ran.clear()
    until(lambda: ran.count("ours") >= 3)
    assert max(ran.count("theirs"), ran.count("later")) <= 1  # which may have been under way
    scheduler.stop()


def test_a_job_that_has_changed_is_replaced(installation: Installation, tmp_path: Path) -> None:
    ran: list[str] = []
    scheduler = started(installation, tmp_path)
    scheduler.follow([of_module("theirs", partial(ran.append, "old"), interval=3_600)])
    scheduler.follow([of_module("theirs", partial(ran.append, "new"))])
    until(lambda: "new" in ran)
    assert "old" not in ran
    scheduler.stop()


def test_jobs_of_modules_that_hang_hold_up_nobody_and_no_end(installation: Installation, tmp_path: Path) -> None:
    ends = Event()
    ran: list[str] = []
    scheduler = started(installation, tmp_path, Job("ours", 1, Scope.SERVER, partial(ran.append, "ours")))
    scheduler.follow([of_module(f"hangs-{number}", lambda: ends.wait(60)) for number in range(5)])
    ran.clear()
    until(lambda: len(ran) >= 3)
    scheduler.stop()
    ends.set()


HOOKED_BAD = {"fails": "ValueError", "leaves": "SystemExit: 3", "wrong": "figures by name, not 7"}


def test_what_jobs_of_modules_do_is_recorded_and_what_they_raise_is_noted(
    installation: Installation, packages: Path
) -> None:
    install_package(packages, "hooked", HOOKED, files=FILES)
    with installation.database.writing() as connection:
        store_settings(connection, {"hooked.key": "a"})
    switch_on(installation, "hooked", COMMAND_LINE)
    made = {job.name: job for job in contributed(installation)}
    assert (made["fails"].scope, made["leaves"].scope) == (Scope.ALL, Scope.SERVER)
    made["count-orders"].run()
    (run,) = recorded(installation)
    assert (run.job, run.result, run.figures) == ("count-orders", "done", {"orders": 7})
    for name, told in HOOKED_BAD.items():
        with pytest.raises(ModuleFailed, match=told):
            made[name].run()
        assert recorded(installation)[-1].result == "failed"
        installation.isolation.tell()
        with installation.database.reading() as connection:
            noted = stored_modules(connection)["hooked"]
        assert noted.last_error.startswith(f"job {name}: ")
        assert told in noted.last_error
        assert "Traceback" in noted.last_trace


def test_the_scheduler_of_a_process_follows_a_switch(tmp_path: Path, packages: Path) -> None:
    code = HOOKED.replace('ScheduledJob("count-orders", 3600', 'ScheduledJob("count-orders", 1')
    install_package(packages, "hooked", code, files=FILES)
    environment = {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_HOOKED_KEY": "a"}
    process = open_installation(environment, {})
    upgrade(process.database)
    application = Application(process)
    application.start()
    switch_on(process, "hooked", COMMAND_LINE)
    until(lambda: "count-orders" in {run.job for run in recorded(process)})
    application.stop()


ENDS_WHILE_A_JOB_RUNS = """
import time
from threading import Event
from owa.scheduler.jobs import Job, Scope
from owa.scheduler.now import Begun, RunNow
from owa.scheduler.overview import overview
from owa.scheduler.scheduler import Scheduler

class Mine:
    def holds(self):
        return True
    def give_up(self):
        pass

busy = Event()
def work():
    busy.set()
    time.sleep(3)

Scheduler([Job("long", 1, Scope.ALL, work), Job("short", 1, Scope.ALL, lambda: None)], lambda job: Mine()).start()
assert busy.wait(10)
"""


def test_process_that_ends_without_stopping_it_leaves_no_traceback() -> None:
    """As granian's workers do. Jobs that become due meanwhile are others'."""
    ended = subprocess.run([sys.executable, "-c", ENDS_WHILE_A_JOB_RUNS], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")

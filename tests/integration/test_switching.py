"""Switching modules on and off, and what becomes of the events in their queues."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from owa.accounts.audit import Actor
from owa.analytics.counting import count_facts
from owa.app import Installation as Opened
from owa.app import open_installation
from owa.clock import FixedClock
from owa.contributions import INCOMING, PROCESSING
from owa.db.modules import LIMIT, Switch
from owa.errors import ModuleError, Overtaken, UsageError
from owa.events import Event, Refusal, RefusalReason
from owa.processing.drain import drain_events
from owa.processing.ledger import Ledger
from owa.queues.testing import sample_events
from owa.registry import Registry
from owa.switching import switch_off, switch_on
from owa.tracking.refine import Refinement
from tests.packages import FAILING_STEP, OTHER_QUEUE, install_package, on_the_path
from tests.page_views import NOON, page_view
from tests.servers import SITE_ID, Install, Installation, wait_until

ME = Actor("me")

OF_SERVER_1 = 1_000_000
"""In guids."""

USES_OTHER = """
from owa.module_api import Module, hookimpl

@hookimpl
def owa_module():
    return Module("user", "User", "1", "Us", "Tests", "", requires=("other_queue",))
"""


@pytest.fixture
def installation(install: Install, packages: Path) -> Installation:
    """With the other queue installed, and off."""
    install_package(packages, "other_queue", OTHER_QUEUE)
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(packages))


@contextmanager
def opened(installation: Installation, **variables: str) -> Iterator[Opened]:
    """The installation, as a process sees it."""
    process = open_installation(installation.environment(**variables), {})
    yield process
    process.close()


@pytest.fixture
def process(installation: Installation) -> Iterator[Opened]:
    with opened(installation) as process:
        yield process


def state_of(process: Opened, name: str) -> tuple[bool, Switch | None]:
    loaded = process.registry.modules[name]
    return loaded.works, loaded.switch


def view(number: int) -> Event:
    """One that opens a session of its own."""
    return page_view(OF_SERVER_1 + number, session=number, first=True, site=SITE_ID)


def drain(process: Opened) -> int:
    """How many events a drain finds."""
    drained = drain_events(process.incoming, process.processor)
    assert drained.outage is None
    return drained.report.events


def test_a_module_is_switched_on_and_off_again(installation: Installation, process: Opened) -> None:
    assert state_of(process, "utm_campaigns") == (False, None)
    assert switch_on(process, "utm_campaigns", ME).changed
    assert state_of(process, "utm_campaigns") == (True, Switch.ON)
    assert [name for name, _ in process.registry.steps] == ["utm_campaigns"]
    assert switch_off(process, "utm_campaigns", ME).changed
    assert state_of(process, "utm_campaigns") == (False, Switch.OFF)
    assert not process.registry.steps
    told = installation.query("SELECT * FROM owa_audit WHERE action = 'switch module' ORDER BY id")
    assert [(row["user_id"], row["subject"]) for row in told] == [("me", "utm_campaigns")] * 2
    assert [(row["before"], row["after"]) for row in told] == [
        (b'{"state":"off"}', b'{"state":"on"}'),
        (b'{"state":"on"}', b'{"state":"off"}'),
    ]


def test_what_is_so_already_is_not_done_again(installation: Installation, process: Opened) -> None:
    switch_on(process, "utm_campaigns", ME)
    generation = process.configuration.current().generation
    assert not switch_on(process, "utm_campaigns", ME).changed
    assert not switch_on(process, "file_queue", ME).changed
    assert not switch_off(process, "referer_spam", ME).changed
    assert process.configuration.current().generation == generation
    assert len(installation.query("SELECT * FROM owa_audit WHERE action = 'switch module'")) == 1


def test_an_unknown_name(process: Opened) -> None:
    for switch in (switch_on, switch_off):
        with pytest.raises(UsageError, match=r"no module utm_campaign; did you mean utm_campaigns\?") as refused:
            switch(process, "utm_campaign", ME)
        assert "file_queue" in str(refused.value)
        for name in ("core", "", "../file_queue", "\udcff"):
            with pytest.raises(UsageError):
                switch(process, name, ME)


def test_names_as_in_owa(process: Opened) -> None:
    assert switch_on(process, "utmCampaigns", ME).name == "utm_campaigns"
    assert switch_off(process, "UtmCampaigns", ME).name == "utm_campaigns"


@pytest.mark.parametrize("name", ["file_queue", "database_queue"])
def test_the_only_one_that_keeps_events_stays_on(process: Opened, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is the only module that serves the queue"):
        switch_off(process, name, ME)
    assert state_of(process, name) == (True, None)


def test_what_another_one_requires_stays_on(packages: Path, process: Opened) -> None:
    install_package(packages, "user", USES_OTHER)
    with pytest.raises(UsageError, match="user requires the module other_queue, which is off or broken"):
        switch_on(process, "user", ME)
    switch_on(process, "other_queue", ME)
    switch_on(process, "user", ME)
    with pytest.raises(UsageError, match="user requires other_queue"):
        switch_off(process, "other_queue", ME)
    switch_off(process, "user", ME)
    assert switch_off(process, "other_queue", ME).switch == Switch.DRAINING


def test_a_module_that_is_slow_to_import_holds_up_no_writer(packages: Path, process: Opened) -> None:
    """Its import finds the database free to be written to, every time that it is imported."""
    path = process.data_dir / "owa.db"
    writes = f"sqlite3.connect({str(path)!r}, timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"
    install_package(packages, "writer", f"import sqlite3\n{writes}.connection.close()\nraise ValueError('written')")
    with pytest.raises(UsageError, match="ValueError: written"):
        switch_on(process, "writer", ME)


def test_two_who_switch_at_once_leave_a_queue_on(process: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked before the transaction is checked again when somebody was faster."""
    switch_on(process, "other_queue", ME)
    check = Registry.owner
    others = [lambda: switch_off(process, "other_queue", ME)]

    def owner(registry: Registry, queue: str) -> str:
        found = check(registry, queue)
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(Registry, "owner", owner)
    with pytest.raises(UsageError, match="file_queue is the only module"):
        switch_off(process, "file_queue", ME)
    assert process.registry.owner(INCOMING) == "file_queue"


def test_a_second_override_is_refused(packages: Path, process: Opened) -> None:
    code = OTHER_QUEUE.replace("other_queue", "rival").replace('"other"', '"rival"')
    install_package(packages, "rival", code)
    switch_on(process, "other_queue", ME)
    with pytest.raises(UsageError, match="other_queue and rival both want to be the queue"):
        switch_on(process, "rival", ME)
    assert state_of(process, "other_queue") == (True, Switch.ON)


def test_a_queue_takes_over_and_what_the_former_one_holds_is_processed(process: Opened) -> None:
    """The file queue stays on: it is only replaced. That must strand nothing."""
    process.incoming.put([view(1)])
    switch_on(process, "other_queue", ME)
    assert process.incoming.status().depth == 1
    process.incoming.put([view(2)])
    assert process.incoming.sink.status().depth == 1
    assert drain(process) == 2
    process.incoming.put([view(3)])
    switch_off(process, "other_queue", ME)
    process.incoming.put([view(4)])
    assert drain(process) == 2
    assert process.incoming.status().depth == 0


def test_a_parked_queue_is_left_alone(process: Opened) -> None:
    switch_on(process, "other_queue", ME)
    process.incoming.put([view(1)])
    assert switch_off(process, "other_queue", ME, Switch.PARKED).switch == Switch.PARKED
    assert drain(process) == 0
    assert not switch_off(process, "other_queue", ME, Switch.PARKED).changed
    assert switch_off(process, "other_queue", ME).switch == Switch.DRAINING
    assert drain(process) == 1


def drift(process: Opened) -> int:
    """Of the whole ledger; each line must balance, not just their sum."""
    ledger = Ledger(process.database, process.incoming, process.retries, count_facts)
    return sum(abs(line.drift) for line in ledger.verify())


def fates(installation: Installation) -> dict[str, int]:
    return {outcome: count for (outcome, _), count in installation.counts().items()}


def test_a_queue_hands_over_what_it_holds(installation: Installation, process: Opened) -> None:
    """There and back: one queue numbers its records, the other does not. What is no event is counted on the way."""
    robot = Refusal(RefusalReason.ROBOT, SITE_ID, NOON, 0)
    process.incoming.put([view(1), robot, view(2)])
    switch_on(process, "other_queue", ME)
    assert switch_off(process, "file_queue", ME, Switch.HANDING_OVER).switch == Switch.HANDING_OVER
    assert drift(process) == 0
    move_one_batch(process)
    assert process.incoming.sink.status().depth == process.incoming.status().depth == 2
    assert fates(installation) == {"refused": 1}
    assert drift(process) == 0
    switch_on(process, "file_queue", ME)
    process.incoming.put([view(3)])
    switch_off(process, "other_queue", ME, Switch.HANDING_OVER)
    drained = drain_events(process.incoming, process.processor)
    assert (drained.report.moved, drained.report.processed) == (3, 3)
    assert process.incoming.status().depth == 0
    assert fates(installation) == {"refused": 1, "processed": 3}
    assert drift(process) == 0


def move_one_batch(process: Opened) -> None:
    with process.incoming.drain() as source:
        batch = source.lease(9)
        assert batch
        assert batch.successor
        process.processor.settle(batch)


def test_events_that_a_killed_hand_over_has_left_in_both_queues_count_once(
    installation: Installation, process: Opened
) -> None:
    for module, successor in (("file_queue", "other_queue"), ("other_queue", "file_queue")):
        switch_on(process, module, ME)
        process.incoming.put([view(len(module))])
        switch_on(process, successor, ME)
        if module == "file_queue":
            process.incoming.former[0].put([view(5)])
        process.incoming.sink.put([view(5)] if module == "file_queue" else [view(len(module))])
        switch_off(process, module, ME, Switch.HANDING_OVER)
        assert drain(process)
        assert drift(process) == 0
    assert len(installation.rows("owa_request")) == 3


def test_a_hand_over_that_cannot_be_settled_fills_no_disk(process: Opened) -> None:
    process.incoming.put([view(1)])
    switch_on(process, "other_queue", ME)
    switch_off(process, "file_queue", ME, Switch.HANDING_OVER)

    def fail(_connection: Connection) -> None:
        raise Overtaken("not now")

    for _ in range(3):
        with process.incoming.drain() as source:
            batch = source.lease(9)
            assert batch
            with pytest.raises(Overtaken):
                process.processor.settle(replace(batch, acknowledge=fail))
    assert process.incoming.sink.status().depth == 1
    assert drain(process) == 1
    assert drift(process) == 0


def test_a_queue_that_is_emptied_can_be_told_otherwise(process: Opened) -> None:
    switch_on(process, "other_queue", ME)
    process.incoming.put([view(1)])
    for held in (Switch.DRAINING, Switch.HANDING_OVER, Switch.PARKED):
        assert switch_off(process, "other_queue", ME, held).changed
        assert state_of(process, "other_queue") == (False, held)
    assert drain(process) == 0
    assert switch_off(process, "other_queue", ME, Switch.HANDING_OVER).changed
    assert drain(process) == 1


def fail_until_tripped(process: Opened) -> bool:
    """Call the steps of the modules until there were too many failures; returns whether one was switched off."""
    refinement = Refinement(
        lambda: process.registry, lambda: process.configuration.current().settings, process.isolation
    )
    for _ in range(LIMIT):
        assert refinement.refined(view(1)) == view(1)
    switched = process.isolation.tell()
    process.configuration.signal_change()
    return switched


def test_a_queue_that_the_circuit_breaker_switches_off_is_drained(packages: Path, process: Opened) -> None:
    (packages / "other_queue.py").write_text(OTHER_QUEUE + FAILING_STEP)
    switch_on(process, "other_queue", ME)
    process.incoming.put([view(1)])
    assert fail_until_tripped(process)
    assert state_of(process, "other_queue") == (False, Switch.TRIPPED)
    assert process.registry.owner(INCOMING) == "file_queue"
    assert not process.registry.steps
    process.incoming.put([view(2)])
    assert drain(process) == 2
    assert switch_on(process, "other_queue", ME).changed


def test_the_circuit_breaker_leaves_the_last_queue_on(packages: Path, process: Opened) -> None:
    (packages / "other_queue.py").write_text(OTHER_QUEUE + FAILING_STEP)
    switch_on(process, "other_queue", ME)
    switch_off(process, "file_queue", ME)
    assert not fail_until_tripped(process)
    assert state_of(process, "other_queue") == (True, Switch.ON)
    process.incoming.put([view(1)])
    assert drain(process) == 1


def test_the_file_queue_can_be_parked_and_drained(process: Opened) -> None:
    process.incoming.put([view(1)])
    switch_on(process, "other_queue", ME)
    assert switch_off(process, "file_queue", ME, Switch.PARKED).switch == Switch.PARKED
    assert drain(process) == 0
    assert switch_off(process, "file_queue", ME).switch == Switch.DRAINING
    assert not switch_off(process, "file_queue", ME).changed
    assert drain(process) == 1


def test_an_open_process_follows_at_its_next_look(installation: Installation, process: Opened) -> None:
    with opened(installation) as other:
        other.incoming.put([view(1)])
        switch_on(process, "other_queue", ME)
        assert state_of(other, "other_queue") == (False, None)
        assert other.configuration.refresh()
        assert other.registry.owner(INCOMING) == "other_queue"
        other.incoming.put([view(2)])
        assert process.incoming.sink.status().depth == 1
        assert drain(other) == 2


def test_a_process_that_starts_finds_the_other_queue(installation: Installation, process: Opened) -> None:
    switch_on(process, "other_queue", ME)
    with opened(installation) as other:
        assert other.registry.owner(INCOMING) == "other_queue"


@pytest.mark.parametrize("factory", ["lambda context: 1 / 0", "exit", "lambda context: None", "lambda: None"])
def test_a_queue_that_cannot_be_opened_leaves_the_default_in_place(
    install: Install, packages: Path, factory: str
) -> None:
    opens = f'QueueType("other", {factory})'
    install_package(packages, "other_queue", OTHER_QUEUE.replace('QueueType("other", OtherQueue)', opens))
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    with opened(installation) as process:
        switch_on(process, "other_queue", ME)
        with opened(installation) as started_later:
            for one in (process, started_later):
                assert "other_queue cannot open its queue" in one.registry.modules["other_queue"].error
                assert one.registry.modules["other_queue"].trace
                assert one.registry.owner(INCOMING) == "file_queue"
                one.incoming.put(sample_events(1))
                assert one.incoming.status().depth >= 1


def test_a_queue_that_cannot_be_opened_is_tried_again(install: Install, packages: Path, tmp_path: Path) -> None:
    """With back-off, in the background; when it works, its error goes, and new events go there."""
    there = tmp_path / "there"
    factory = f'QueueType("other", lambda context: __import__("os").stat({str(there)!r}) and OtherQueue(context))'
    install_package(packages, "other_queue", OTHER_QUEUE.replace('QueueType("other", OtherQueue)', factory))
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    clock = FixedClock(NOON)
    process = open_installation(installation.environment(), {}, clock)
    switch_on(process, "other_queue", ME)
    process.incoming.put([view(1)])

    def works() -> bool:
        process.assembly.try_again()
        return state_of(process, "other_queue")[0]

    clock.move(3_600)
    assert not works()
    there.touch()

    def works_a_minute_later() -> bool:
        clock.move(60)
        return works()

    wait_until(works_a_minute_later, "it is not tried again")
    assert process.registry.modules["other_queue"].error == ""
    process.incoming.put([view(2)])
    assert process.incoming.sink.latest(9) == [view(2)]
    assert drain(process) == 2
    process.close()


RETRY_QUEUE = """
from owa.module_api import PROCESSING, Module, QueueBinding, RetryQueueType, hookimpl

@hookimpl
def owa_module():
    return Module("retries", "Retries", "1", "Them", "Queues", "")

@hookimpl
def owa_retry_queue_types():
    return [RetryQueueType("theirs", FACTORY)]

@hookimpl
def owa_queue_bindings():
    return [QueueBinding(PROCESSING, "theirs", override=True)]
"""


@pytest.mark.parametrize("factory", ["lambda context: 1 / 0", "exit", "lambda context: None"])
def test_a_retry_queue_that_cannot_be_opened_leaves_the_default_in_place(
    installation: Installation, packages: Path, process: Opened, factory: str
) -> None:
    install_package(packages, "retries", RETRY_QUEUE.replace("FACTORY", factory))
    switch_on(process, "retries", ME)
    with opened(installation) as started_later:
        for _ in range(2):
            assert "retries cannot open its queue" in started_later.registry.modules["retries"].error
            assert started_later.registry.owner(PROCESSING) == "database_queue"
            assert drain(started_later) == 0
            switch_on(started_later, "utm_campaigns", ME)  # which loads the modules anew


def test_what_could_not_be_applied_is_tried_again(process: Opened) -> None:
    """A listener that fails (a full disk) must not leave the process behind for good."""
    calls = []

    def fail_once() -> None:
        calls.append(process.configuration.current().generation)
        if len(calls) == 1:
            raise ModuleError("not now")

    process.configuration.subscribe(fail_once)
    with pytest.raises(ModuleError, match="not now"):
        switch_on(process, "utm_campaigns", ME)
    assert process.configuration.current().generation == -1
    assert process.configuration.refresh()
    assert process.configuration.current().generation == calls[0] == calls[1]
    assert process.registry.steps


def test_the_command_line(installation: Installation) -> None:
    done = installation.cli("cmd=activate", "module=utmCampaigns", "verbose=1")
    assert (done.status, done.out) == (0, "utm_campaigns is on.\n")
    done = installation.cli("cmd=activate", "module=utm_campaigns", "format=json")
    assert (done.status, done.json) == (0, {"module": "utm_campaigns", "state": "on"})
    done = installation.cli("cmd=deactivate", "module=utm_campaigns", "verbose=1")
    assert (done.status, done.out) == (0, "utm_campaigns is off.\n")
    for words, told in (
        (["cmd=deactivate", "module=file_queue"], "file_queue is the only module that serves the queue"),
        (["cmd=activate", "module=file_queues"], "did you mean file_queue?"),
        (["cmd=activate"], "Which module?"),
        (["cmd=deactivate", "module=file_queue", "queued=keep"], "wants drain or park"),
        (["cmd=deactivate", "module=file_queue", "events=keep"], "wants wait, hand-over or park"),
        (["cmd=deactivate", "module=file_queue", "events=park", "queued=park"], "Leave queued out"),
    ):
        done = installation.cli(*words)
        assert (done.status, done.out) == (2, "")
        assert told in done.err
        assert "Traceback" not in done.err


def test_parking_by_the_command_line(installation: Installation) -> None:
    assert installation.cli("cmd=activate", "module=other_queue").status == 0
    done = installation.cli("cmd=deactivate", "module=other_queue", "queued=park", "format=json")
    assert done.json == {"module": "other_queue", "state": "parked"}
    for events, state in (("hand-over", "handing-over"), ("park", "parked"), ("wait", "draining")):
        done = installation.cli("cmd=deactivate", "module=other_queue", f"events={events}", "format=json")
        assert done.json == {"module": "other_queue", "state": state}

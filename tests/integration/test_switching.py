"""Switching modules on and off, and what becomes of the events in their queues."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from owa.accounts.audit import Actor
from owa.app import Installation as Opened
from owa.app import open_installation
from owa.contributions import INCOMING
from owa.db.modules import LIMIT, Switch
from owa.errors import ModuleError, UsageError
from owa.events import Event
from owa.processing.drain import drain_events
from owa.queues.testing import sample_events
from owa.switching import switch_off, switch_on
from owa.tracking.refine import Refinement
from tests.packages import OTHER_QUEUE, install_package, on_the_path
from tests.page_views import page_view
from tests.servers import SITE_ID, Install, Installation

ME = Actor("me")

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
    return page_view(number, session=number, first=True, site=SITE_ID)


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
    assert switch_off(process, "other_queue", ME, park=True).switch == Switch.PARKED
    assert drain(process) == 0
    assert not switch_off(process, "other_queue", ME, park=True).changed
    assert switch_off(process, "other_queue", ME).switch == Switch.DRAINING
    assert drain(process) == 1


FAILING_STEP = """
from owa.module_api import PreprocessingStep

def fail(event, settings):
    raise ValueError("it does not work")

@hookimpl
def owa_preprocessing_steps():
    return [PreprocessingStep("fails", fail)]
"""


def fail_until_tripped(process: Opened) -> bool:
    """Call the steps of the modules until there were too many failures; returns whether one was switched off."""
    refine = Refinement(lambda: process.registry, lambda: process.configuration.current().settings, process.isolation)
    for _ in range(LIMIT):
        assert refine(view(1)) == view(1)
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
    assert switch_off(process, "file_queue", ME, park=True).switch == Switch.PARKED
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
    ):
        done = installation.cli(*words)
        assert (done.status, done.out) == (2, "")
        assert told in done.err
        assert "Traceback" not in done.err


def test_parking_by_the_command_line(installation: Installation) -> None:
    assert installation.cli("cmd=activate", "module=other_queue").status == 0
    done = installation.cli("cmd=deactivate", "module=other_queue", "queued=park", "format=json")
    assert done.json == {"module": "other_queue", "state": "parked"}

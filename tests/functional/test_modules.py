"""Modules are switched under traffic, in several processes at once, and nothing is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event as Flag
from typing import Self

import pytest

from tests.admin import Visitor
from tests.packages import FAILING_STEP, OTHER_QUEUE, install_package, on_the_path
from tests.servers import DOMAIN, ROOT, Install, Installation, Server, page_view, send_events, wait_until

pytestmark = pytest.mark.slow

PAGE = "/admin/settings/modules"

FIRST = 1_795_291_500_000_000_000
PORTION = 50
"""Events that are sent in one go."""

SEVERAL = 3


@pytest.fixture
def installation(install: Install, packages: Path) -> Installation:
    """Three servers on one data folder, that nobody drains but the test; a broken module and a queue are installed."""
    install_package(packages, "other_queue", OTHER_QUEUE)
    install_package(packages, "broken", "raise ValueError('<b>it is broken</b>')")
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(packages))


@pytest.fixture
def servers(installation: Installation) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(installation.serve()) for _ in range(SEVERAL)]


class Traffic:
    """All servers get events, without a pause, as long as the block lasts. None may be refused."""

    def __init__(self, servers: list[Server]) -> None:
        self.accepted: set[int] = set()
        """Session ids."""
        self._servers = servers
        self._stop = Flag()
        self._pool = ThreadPoolExecutor(len(servers))

    def __enter__(self) -> Self:
        self._sent = [self._pool.submit(self._send, number) for number in range(len(self._servers))]
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for sent in self._sent:
            assert sent.result() == PORTION
        self._pool.shutdown()

    def _send(self, number: int) -> int:
        first = FIRST + number * 1_000_000
        accepted = [0] * PORTION
        while not self._stop.is_set() and len(accepted) == PORTION:
            accepted = send_events(self._servers[number].port, first, PORTION)
            self.accepted.update(accepted)
            first += PORTION
        return len(accepted)


def generations(installation: Installation) -> set[int]:
    """What all three have applied."""
    rows = installation.query("SELECT generation FROM owa_process ORDER BY seen_at DESC LIMIT ?", SEVERAL)
    return {row["generation"] for row in rows} if len(rows) == SEVERAL else set()


def wait_for_all(installation: Installation) -> None:
    """Until each server has applied what is stored."""

    def applied() -> bool:
        (row,) = installation.query("SELECT generation FROM owa_configuration")
        return generations(installation) == {row["generation"]}

    wait_until(applied, "not all have followed")


def switch(installation: Installation, command: str, module: str, *words: str) -> None:
    done = installation.cli(f"cmd={command}", f"module={module}", *words)
    assert (done.status, done.err) == (0, "")
    wait_for_all(installation)


def campaign_view(server: Server) -> dict[str, str]:
    """A view that a server has taken, of a page with a campaign in its address."""
    view = page_view(page_url=f"{DOMAIN}/?utm_source=newsletter")
    assert server.track(view).status == 204
    return view


def sources(installation: Installation, views: list[dict[str, str]]) -> list[str]:
    """Where the sessions of these views came from."""
    found = []
    for view in views:
        (row,) = installation.query(
            "SELECT source_domain FROM owa_session JOIN owa_source_dim ON owa_source_dim.id = source_id"
            " WHERE owa_session.id = ?",
            int(view["owa_session_id"]),
        )
        found.append(row["source_domain"])
    return found


def stored_sessions(installation: Installation) -> set[int]:
    return {row["session_id"] for row in installation.query("SELECT session_id FROM owa_request")}


def test_all_processes_follow_a_switch_under_traffic_and_no_event_is_lost(
    installation: Installation, servers: list[Server]
) -> None:
    with Traffic(servers) as traffic:
        before = [campaign_view(server) for server in servers]
        switch(installation, "activate", "utm_campaigns")
        after = [campaign_view(server) for server in servers]
        switch(installation, "deactivate", "utm_campaigns")
        off_again = [campaign_view(server) for server in servers]
    installation.drain()
    assert traffic.accepted <= stored_sessions(installation)
    assert sources(installation, after) == ["newsletter"] * SEVERAL
    assert "newsletter" not in sources(installation, before + off_again)


def test_switching_to_another_queue_and_back_loses_no_event(installation: Installation, servers: list[Server]) -> None:
    with Traffic(servers) as traffic:
        for _ in range(2):
            switch(installation, "activate", "other_queue")
            installation.drain()
            switch(installation, "deactivate", "other_queue")
        switch(installation, "activate", "other_queue")
        switch(installation, "deactivate", "file_queue")
        switch(installation, "activate", "file_queue")
        switch(installation, "deactivate", "other_queue")
    installation.drain()
    assert traffic.accepted == stored_sessions(installation)
    assert installation.status()["queues"]["incoming_tracking_events"]["depth"] == 0


def test_the_page_switches_and_shows_who_has_followed(installation: Installation, servers: list[Server]) -> None:
    visitor = Visitor(servers[0]).log_in()
    visitor.page(PAGE)
    page = visitor.send(PAGE, {"module": "utm_campaigns", "switch": "on"})
    assert "utm_campaigns is on. All processes follow within seconds." in page
    wait_for_all(installation)
    page = visitor.page(PAGE)
    (row,) = installation.query("SELECT generation FROM owa_configuration")
    assert page.count(f">{row['generation']} ") == SEVERAL
    assert "behind" not in page
    view = campaign_view(servers[2])
    installation.drain()
    assert sources(installation, [view]) == ["newsletter"]


def test_the_page_hands_over_parks_and_resumes(installation: Installation) -> None:
    installation.cli("cmd=activate", "module=other_queue")
    with installation.serve() as server:
        view = page_view()
        assert server.track(view).status == 204
        visitor = Visitor(server).log_in()
        assert "<dd>1 event, on this server</dd>" in visitor.page(PAGE)
        for switch, state in (("parked", "parked"), ("draining", "draining"), ("handing-over", "handing over")):
            page = visitor.send(PAGE, {"module": "other_queue", "switch": switch})
            assert f"other_queue is {state}." in page
            assert f'<span class="state {switch}">{state}</span>' in page
        installation.drain()
        assert "<dd>1 event," not in visitor.page(PAGE)
    assert installation.request_of(view)


def test_the_page_says_why_the_circuit_breaker_struck(installation: Installation, packages: Path) -> None:
    (packages / "other_queue.py").write_text(OTHER_QUEUE + FAILING_STEP)
    installation.cli("cmd=activate", "module=other_queue")
    with installation.serve() as server:
        for _ in range(5):
            server.track(page_view())
        visitor = Visitor(server).log_in()
        told = "Switched off by the circuit breaker after 5 failures: step fails: ValueError: it does not work"
        wait_until(lambda: told in visitor.page(PAGE), "the page does not say so")
        page = visitor.send(PAGE, {"module": "other_queue", "switch": "on"})
        assert "other_queue is on." in page
        assert told not in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"module": "file_queue", "switch": "draining"}, "the only module that serves the queue"),
        ({"module": "<b>", "switch": "on"}, "There is no module &lt;b&gt;."),
        ({"module": "core", "switch": "off"}, "There is no module core"),
        ({"module": "file_queue", "switch": "sideways"}, "Which way to switch it?"),
        ({"module": "utm_campaigns"}, "Which way to switch it?"),
        ({"module": "broken", "switch": "on"}, "ValueError"),
    ],
)
def test_a_switch_that_is_refused_changes_nothing(
    installation: Installation, fields: dict[str, str], told: str
) -> None:
    with installation.serve() as server:
        visitor = Visitor(server).log_in()
        visitor.page(PAGE)
        answer = visitor.post(PAGE, fields)
        assert answer.status == 409
        assert told in answer.body.decode()
    assert installation.query("SELECT * FROM owa_module WHERE switch IS NOT NULL") == []


def test_a_module_that_breaks_is_shown_with_its_traceback_and_the_rest_works(
    installation: Installation, packages: Path
) -> None:
    installation.cli("cmd=activate", "module=other_queue")
    (packages / "other_queue.py").write_text("raise ValueError('<b>it is broken</b>')")
    with installation.serve() as server:
        page = Visitor(server).log_in().page(PAGE)
        assert "ValueError: &lt;b&gt;it is broken&lt;/b&gt;" in page
        assert "Traceback (most recent call last)" in page
        assert "<b>" not in page
        view = page_view()
        assert server.track(view).status == 204
    installation.drain()
    assert installation.request_of(view)


LOUD = """
from owa.module_api import EventHandler, Module, hookimpl


@hookimpl
def owa_module():
    return Module("loud", "Loud", "1.0", "Them", "Tests", "Is given page views.")


@hookimpl
def owa_event_handlers():
    return [EventHandler("pages", frozenset({"base.page_request"}), lambda event, context: [])]
"""


@pytest.mark.parametrize("reason", ["absent", "broken"])
def test_what_comes_while_a_module_cannot_be_loaded_is_kept_for_it(
    installation: Installation, packages: Path, reason: str
) -> None:
    install_package(packages, "loud", LOUD)
    installation.cron("cmd=activate", "module=loud")
    with installation.serve() as server:
        server.track()
    path = {"PYTHONPATH": str(ROOT)} if reason == "absent" else {}
    if reason == "broken":
        (packages / "loud.py").write_text("raise RuntimeError('a bad upgrade')")
    assert installation.cron("cmd=processEventQueue", **path).status == 0
    waiting = "SELECT id FROM owa_queue_item WHERE handler = 'loud:pages' AND status = 'unhandled'"
    assert len(installation.query(waiting)) == 1
    told = installation.cron("cmd=queue-status", "format=json", **path).json["problems"]
    assert any("loud is on, and does not work" in str(problem) for problem in told)
    (packages / "loud.py").write_text(LOUD)
    assert installation.cron("cmd=processEventQueue").status == 0
    assert installation.query(waiting) == []

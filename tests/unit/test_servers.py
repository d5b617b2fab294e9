"""How servers are, from what their processes and senders have noted."""

from owa.clock import MICROSECONDS
from owa.db.modules import Process
from owa.db.senders import Sender
from owa.node import this_process
from owa.views.servers import own_servers, sending_servers

NOW = 1_795_262_400 * MICROSECONDS


def process(name: str = "far:1", server: int = 1, ago: float = 1, skew: int | None = 5, broken: str = "") -> Process:
    seen_at = NOW - round(ago * MICROSECONDS)
    return Process(name, server, 3, broken, seen_at, "0.1.0", "asynchronous", skew)


def test_processes_of_a_server_are_one_line() -> None:
    found = own_servers([process("far:1"), process("far:2"), process("far:3", ago=31)], 3, {1: 7}, NOW)
    (line,) = found
    assert (line.hosts, line.processes, line.mode, line.lag, line.version) == ("far", 2, "asynchronous", 7, "0.1.0")
    assert (line.problems, line.is_up_to_date, line.skew) == ([], True, 5)


def test_a_server_without_living_processes_is_gone() -> None:
    (line,) = own_servers([process(ago=31)], 3, {}, NOW)
    assert (line.problems, line.processes, line.lag_is_known) == (["gone"], 0, False)


def test_a_process_that_has_not_applied_the_configuration_is_told() -> None:
    (line,) = own_servers([process()], 4, {}, NOW)
    assert (line.generation, line.is_up_to_date) == (3, False)


def test_clocks() -> None:
    def judge(one: Process) -> tuple[int | None, list[str]]:
        (line,) = own_servers([one], 3, {}, NOW)
        return line.skew, line.problems

    assert judge(process(skew=-61 * MICROSECONDS)) == (-61 * MICROSECONDS, ["clock is off"])
    assert judge(process(this_process(), skew=None)) == (0, [])
    assert judge(process(skew=None)) == (None, [])
    assert judge(process(skew=None, ago=-90)) == (-90 * MICROSECONDS, ["clock is off"])


def test_a_sender() -> None:
    seen = NOW - 10 * MICROSECONDS
    sender = Sender("9-x", 9, "", "10.0.0.9", "0.1.0", 12, 40, NOW - 80, 90 * MICROSECONDS, seen, None)
    (line,) = sending_servers([sender], NOW)
    assert (line.hosts, line.lag, line.problems) == ("9-x", 80, ["clock is off"])

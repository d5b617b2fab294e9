from collections.abc import Callable, Sequence
from threading import Event, Thread

import pytest

from owa.queues.together import Together
from tests.servers import wait_until

THREADS = 64
PATIENCE = 30.0


class Device:
    """Slow: each call lasts until `go` is set. It refuses the item -1, and with it all that came with it."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.under_way = 0
        self.begun, self.go = Event(), Event()

    def __call__(self, items: Sequence[int]) -> None:
        self.under_way += 1
        assert self.under_way == 1, "two at once"
        self.begun.set()
        assert self.go.wait(PATIENCE)
        self.under_way -= 1
        if -1 in items:
            raise OSError("the device is broken")
        self.calls.append(list(items))


def in_threads(work: Callable[[int], object], items: Sequence[int]) -> list[Thread]:
    threads = [Thread(target=work, args=(item,), daemon=True) for item in items]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"


def test_one_call_serves_all_who_came_during_the_one_before() -> None:
    device = Device()
    together = Together(device)
    threads = in_threads(together.do, [0])
    assert device.begun.wait(PATIENCE)
    threads += in_threads(together.do, range(1, THREADS))
    wait_until(lambda: together.waiting == THREADS - 1, "not all wait for the next call")
    assert device.calls == []
    device.go.set()
    join(threads)
    assert [sorted(items) for items in device.calls] == [[0], list(range(1, THREADS))]


def test_nobody_returns_before_he_is_served() -> None:
    served: set[int] = set()
    early: list[int] = []
    together = Together[int](lambda items: served.update(items))

    def ask(thread: int) -> None:
        for item in range(thread * 100, thread * 100 + 50):
            together.do(item)
            if item not in served:
                early.append(item)

    join(in_threads(ask, range(THREADS)))
    assert not early
    assert len(served) == THREADS * 50
    assert together.waiting == 0


def test_a_failure_is_told_to_all_whom_the_call_would_have_served_and_to_no_other() -> None:
    device = Device()
    together = Together(device)
    told: dict[int, bool] = {}

    def ask(item: int) -> None:
        try:
            together.do(item)
        except OSError:
            told[item] = True
        else:
            told[item] = False

    threads = in_threads(ask, [0])
    assert device.begun.wait(PATIENCE)
    threads += in_threads(ask, [-1, 1, 2, 3])
    wait_until(lambda: together.waiting == 4, "not all wait for the next call")
    device.go.set()
    join(threads)
    assert told == {0: False, -1: True, 1: True, 2: True, 3: True}
    together.do(4)
    assert device.calls == [[0], [4]]


def test_who_is_alone_does_not_wait() -> None:
    device = Device()
    device.go.set()
    together = Together(device)
    together.do(1)
    with pytest.raises(OSError, match="broken"):
        together.do(-1)
    together.do(2)
    assert device.calls == [[1], [2]]

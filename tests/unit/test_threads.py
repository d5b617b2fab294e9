"""How many requests a process answers at once."""

import pytest

from owa.queues.settings import DURABILITY, QUEUE_EVENTS
from owa.server import GRANIAN_THREADS, WAITING_THREADS, WAITRESS_THREADS, threads_for
from owa.settings import Settings


@pytest.mark.parametrize("usual", [GRANIAN_THREADS, WAITRESS_THREADS])
def test_many_where_each_waits_for_a_sync_and_else_as_usual(usual: int) -> None:
    def threads(durability: str, *, asynchronous: bool) -> int:
        return threads_for(Settings({DURABILITY.name: durability, QUEUE_EVENTS.name: asynchronous}), usual)

    assert threads("fsync", asynchronous=True) == WAITING_THREADS
    assert threads("os", asynchronous=True) == usual
    assert threads("os", asynchronous=False) == usual
    assert threads("fsync", asynchronous=False) == usual  # the database has one writer at a time

"""The conformance suites of queues. Each back-end, ours or a third party's, passes the one of its kind.

They need pytest; `pytest.register_assert_rewrite("owa.queues.testing")` in a `conftest.py` makes them explain what
fails.

    class TestRedisQueue(EventQueueContract):
        @pytest.fixture
        def open_queue(self, database: Database) -> OpenQueue:
            return lambda: RedisQueue(…)

    class TestOtherRetryQueue(RetryQueueContract):
        @pytest.fixture
        def queue(self) -> RetryQueue:
            return OtherRetryQueue(…)
"""

from owa.queues.testing.event_queue import (
    EventQueueContract,
    OpenQueue,
    acknowledge,
    acknowledged,
    drain_all,
    killed_at_the_end,
    lease,
)
from owa.queues.testing.retry_queue import RetryQueueContract
from owa.queues.testing.samples import AWKWARD_TEXTS, START, sample_event, sample_events, sample_refusal

__all__ = [
    "AWKWARD_TEXTS",
    "START",
    "EventQueueContract",
    "OpenQueue",
    "RetryQueueContract",
    "acknowledge",
    "acknowledged",
    "drain_all",
    "killed_at_the_end",
    "lease",
    "sample_event",
    "sample_events",
    "sample_refusal",
]

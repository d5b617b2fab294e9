import pytest

from owa.queues.memory import MemoryQueue
from owa.queues.testing import EventQueueContract, OpenQueue


class TestMemoryQueue(EventQueueContract):
    in_one_process = True

    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        queue = MemoryQueue()
        return lambda: queue

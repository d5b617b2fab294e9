"""The spool keeps all promises of a queue."""

from pathlib import Path

import pytest
from shop_events.spool import Spool

from owa.queues.testing import EventQueueContract, OpenQueue


class TestSpool(EventQueueContract):
    @pytest.fixture
    def open_queue(self, tmp_path: Path) -> OpenQueue:
        return lambda: Spool(tmp_path)

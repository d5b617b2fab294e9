import pytest

pytest.register_assert_rewrite("owa.queues.testing")

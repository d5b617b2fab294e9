"""Fixtures of all tests. `tests/servers.py` has those that start real servers."""

pytest_plugins = ["tests.servers"]

"""Fixtures of all tests. `tests/servers.py` has those that start real servers, `tests/postgresql.py` databases,
`tests/web.py` the application within the test."""

pytest_plugins = ["tests.servers", "tests.postgresql", "tests.web"]

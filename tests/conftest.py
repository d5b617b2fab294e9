"""Fixtures of all tests. `tests/servers.py` has those that start real servers, `tests/postgresql.py` databases,
`tests/packages.py` packages."""

pytest_plugins = ["tests.servers", "tests.postgresql", "tests.packages"]

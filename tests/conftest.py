"""Fixtures of all tests. `tests/servers.py` has those that start real servers, `tests/postgresql.py` databases,
`tests/web.py` the application within the test, `tests/packages.py` packages."""

pytest_plugins = ["tests.servers", "tests.postgresql", "tests.web", "tests.packages"]

"""Fixtures of all tests. `tests/servers.py` has those that start real servers, `tests/postgresql.py` databases,
`tests/web.py` the application within the test, `tests/packages.py` packages, `tests/receiving.py` a
webhook's receiver."""

pytest_plugins = ["tests.servers", "tests.postgresql", "tests.web", "tests.packages", "tests.receiving"]

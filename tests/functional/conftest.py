"""Fixtures of more than one file here. Each of them has an `installation` of its own; a file whose tests do not disturb
each other has one `server` for all of them, too."""

from collections.abc import Iterator

import pytest

from tests.admin import Visitor
from tests.servers import Installation, Server


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


@pytest.fixture
def admin(server: Server) -> Visitor:
    """He has logged in."""
    return Visitor(server).log_in()

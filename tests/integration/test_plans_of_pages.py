"""No page, and no address for machines, reads all of a table that grows: on both databases, for whatever route there
is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import get_ident
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from bench.scale.building import opened
from bench.scale.measuring import Browser
from bench.scale.multiplying import FACTS, NUMBERED, QUEUES
from bench.scale.pages import known, pages
from bench.scale.sizes import Size
from bench.scale.small import fill, install
from owa.app import Installation
from owa.monitoring import metrics
from owa.views import make_wsgi_app
from tests.postgresql import NewUrl

GROWING = {*FACTS, *QUEUES, *NUMBERED, "owa_document", "owa_queue_sample", "owa_received_batch"}

_FIRST = r"FROM {0} ORDER BY {0}\.id DESC LIMIT"
"""What reads the last rows by their numbers, and no others."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, new_url: NewUrl) -> Iterator[Installation]:
    folder, url = tmp_path_factory.mktemp("pages"), new_url()
    with opened(folder, url) as one:
        install(one)
        fill(one, Size(100), 0)
    with opened(folder, url) as one:
        yield one


def asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, Any]]:
    """What the pages ask the database, in the thread that answers: each statement with a page that asks it, and with
    the parameters that it then has."""
    # The ledger is verified in the background, as it is where there is much: that counts everything.
    monkeypatch.setattr(metrics, "MANY", 0)
    statements: dict[str, tuple[str, Any]] = {}
    asking, mine = [""], get_ident()

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if get_ident() == mine and statement.startswith(("SELECT", "WITH")) and asking[0]:
            statements.setdefault(statement, (asking[0], parameters))

    router = make_wsgi_app(installation)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        browser = Browser(router, installation)
        for page in pages(router, known(installation)):
            asking[0] = page.path
            assert browser.get(page) == "", page.path
            asking[0] = ""
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return statements


def test_no_page_scans_a_table_that_grows(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(installation, monkeypatch)
    assert len({path for path, _ in found.values()}) > 20
    scans = {}
    with installation.database.reading() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")  # few rows are read faster as a whole
        look = scans_of_sqlite if is_sqlite else scans_of_postgresql
        for statement, (path, parameters) in found.items():
            if steps := look(connection, statement, parameters):
                scans[path, statement] = steps
    assert scans == {}


def scans_of_sqlite(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Steps that read all of a table, or of an index. In the order of a key, only the first rows are read."""
    rows = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    text = " ".join(statement.split())
    scanned = [step for step in rows if step.startswith("SCAN") and step.split()[1] in GROWING]
    return [step for step in scanned if not re.search(_FIRST.format(step.split()[1]), text)]


def scans_of_postgresql(connection: Connection, statement: str, parameters: Any) -> list[str]:
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", dict(parameters)).scalar_one()
    return list(_scans(explained[0]["Plan"], reads_first=False))


def _scans(node: dict[str, Any], *, reads_first: bool) -> Iterator[str]:
    """`reads_first`: a step above takes the first rows only, and none in between wants all."""
    kind, table = node["Node Type"], node.get("Relation Name")
    reads_first = kind == "Limit" or (reads_first and kind not in ("Sort", "Aggregate", "Hash", "Materialize"))
    if table in GROWING:
        by_key = "Index Cond" in node or (kind.startswith("Index") and reads_first) or kind == "Bitmap Heap Scan"
        if not by_key:
            yield f"{kind} of {table} {node.get('Index Name', '')} {node.get('Filter', '')}"
    for part in node.get("Plans", ()):
        yield from _scans(part, reads_first=reads_first)

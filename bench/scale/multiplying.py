"""Makes a small installation a great one: each row again and again under new ids, by the database itself."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, Table, create_engine

from bench.scale.small import ENTRIES, RUNS, SPAN
from owa.clock import MICROSECONDS
from owa.db.metadata import METADATA

Say = Callable[[str], None]

FACTS = (
    "owa_request",
    "owa_session",
    "owa_visitor",
    "owa_action_fact",
    "owa_click",
    "owa_domstream",
    "owa_commerce_transaction_fact",
    "owa_commerce_line_item_fact",
    "owa_order_event",
    "owa_feed_request",
)
QUEUES = ("owa_queue_item", "owa_attempt")
NUMBERED = {"owa_job_run": RUNS, "owa_audit": ENTRIES}
"""Tables whose rows count up, and how many a small installation has at most."""

HASHED = {"owa_commerce_transaction_fact": ("id",), "owa_commerce_line_item_fact": ("id", "transaction_id")}
"""Ids that may be as great as there are: halved, they can be raised."""

IDS = re.compile(r"id|guid|\w+_guid|(\w+_)?(session|visitor|transaction)_id")
MOMENTS = re.compile(r"at|\w+_at|\w+_since|\w+_timestamp|lease_until")
KEY = len("session:") + 32 + len(":")
"""Where the number of a session stands in the key of what waits for it."""

STEP = 50
"""Copies of a transaction."""

SEGMENTS = 10
EVENT = re.compile(rb'^(\x1e\{"v":\d+,"guid":")(\d+)(".*"sequence":)(\d+)(\}\n)$')


def multiply(url: str, times: int, say: Say) -> None:
    """Make each row of what grows so many."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
        for name in (*FACTS, *QUEUES, *NUMBERED):
            say(name)
            _multiply(connection, METADATA.tables[name], times)
        connection.exec_driver_sql(f"UPDATE owa_event_count SET count = count * {times}")
        connection.exec_driver_sql(f"UPDATE owa_receipt SET last_sequence = last_sequence * {times}")
        connection.commit()
    _finish(engine)


def _multiply(connection: Connection, table: Table, times: int) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(_raised(table, column) for column in table.columns)
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE one AS SELECT * FROM {table.name}")
    for first in range(1, times, STEP):
        last = min(first + STEP, times) - 1
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) WITH RECURSIVE number(n) AS "
            f"(SELECT CAST({first} AS BIGINT) UNION ALL SELECT n + 1 FROM number WHERE n < {last}) "
            f"SELECT {values} FROM number CROSS JOIN one"
        )
        connection.commit()
    connection.exec_driver_sql("DROP TABLE one")


def _raised(table: Table, column: Column[object]) -> str:
    name = f'one."{column.name}"'
    if table.name in NUMBERED:
        return f"{name} + n * {NUMBERED[table.name] * 10}" if column.name == "id" else name
    if column.name == "waits_for" and table.name == "owa_queue_item":
        number = f"(CAST(substr({name}, {KEY + 1}) AS BIGINT) + n * {SPAN * 10**9})"
        return f"substr({name}, 1, {KEY}) || {number}"
    if not isinstance(column.type, Integer | BigInteger):
        return name
    if column.name in HASHED.get(table.name, ()):
        return f"{name} / 2 + n * {SPAN * 10**9}"
    if IDS.fullmatch(column.name):
        return f"{name} + n * {SPAN * 10**9}"
    is_moment = MOMENTS.fullmatch(column.name) and column.name != "first_session_timestamp"
    return f"{name} + n * {SPAN * MICROSECONDS}" if is_moment else name


def _finish(engine: Engine) -> None:
    """Statistics as a server gathers them by itself, and numbers that go on behind the greatest."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in NUMBERED:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
                )
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def multiply_files(small: Path, great: Path, times: int) -> None:
    """Make each record of the queue's active file so many, in rotated segments and an active file."""
    lines = [match for line in (small / "events.txt").open("rb") if (match := EVENT.match(line))]
    identity = (great / "queue.id").read_text().strip()
    each = -(-times // SEGMENTS)
    for number, first in enumerate(range(0, times, each)):
        is_last = first + each >= times
        name = "events.txt" if is_last else f"unprocessed/{number:017d}-{identity}-{os.urandom(4).hex()}.txt"
        with (great / name).open("wb") as file:
            for copy in range(first, min(first + each, times)):
                file.writelines(_records(lines, copy))


def _records(lines: list[re.Match[bytes]], copy: int) -> Iterator[bytes]:
    for line in lines:
        head, guid, middle, sequence, tail = line.groups()
        yield b"%s%d%s%d%s" % (head, int(guid) + copy * SPAN * 10**9, middle, int(sequence) + copy * len(lines), tail)

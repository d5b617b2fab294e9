"""Which rows a transaction changes that is rolled back in the end: their values before it, and in it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, MetaData, String, Table, select

from owa.db.engine import Database
from owa.db.metadata import METADATA

MOST_ROWS = 40

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row."""

    table: str
    key: Values
    """The columns of its primary key, and what they hold."""
    before: Values | None
    """All that it holds; None: it is not there."""
    after: Values | None

    @property
    def columns(self) -> list[tuple[str, Any, Any]]:
        """Those that differ: name, before, after. Of a new row those that hold something."""
        before, after = self.before or {}, self.after or {}
        names = dict.fromkeys((*before, *after))
        return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


class RowWatch:
    """Notes the keys of rows that are written, by triggers that go with the transaction. Of OWA's tables those whose
    key is an id, or that and a site's: the others keep books. Of modules' those whose key is of numbers and texts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {table.name: table for table in (*METADATA.tables.values(), *_modules_tables(connection))}
        for name in [name for name, table in self._tables.items() if not _is_watched(table)]:
            del self._tables[name]
        _TRIGGERS[connection.dialect.name](connection, self._tables.values())

    def changes(self, database: Database) -> tuple[list[RowChange], bool]:
        """The changed rows, in the order in which they were first written, and whether there are more. `database`:
        where they are read as they were."""
        order = f"GROUP BY name, row_key ORDER BY min(number) LIMIT {MOST_ROWS + 1}"
        found = list(self._connection.exec_driver_sql(f"SELECT name, row_key FROM owa_tried {order}"))  # noqa: S608
        with database.reading() as reading:
            changes = [self._change(reading, self._tables[name], orjson.loads(key)) for name, key in found[:MOST_ROWS]]
        return [change for change in changes if change.before != change.after], len(found) > MOST_ROWS

    def _change(self, reading: Connection, table: Table, parts: list[Any]) -> RowChange:
        key = dict(zip(_key(table), parts, strict=True))
        row = select(table).where(*(table.c[name] == part for name, part in key.items()))
        before, after = reading.execute(row).mappings().first(), self._connection.execute(row).mappings().first()
        return RowChange(table.name, key, dict(before) if before else None, dict(after) if after else None)


_KEYS = (("id",), ("id", "site_id"))


def _key(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def _is_watched(table: Table) -> bool:
    if table.name in METADATA.tables:
        return _key(table) in _KEYS
    columns = table.primary_key.columns
    return bool(columns) and all(isinstance(column.type, Integer | String) for column in columns)


def _modules_tables(connection: Connection) -> Iterable[Table]:
    theirs = MetaData()
    theirs.reflect(connection, only=lambda name, _metadata: name not in METADATA.tables, resolve_fks=False)
    return theirs.tables.values()


def _on_sqlite(connection: Connection, tables: Iterable[Table]) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql("CREATE TEMP TABLE owa_tried (number INTEGER PRIMARY KEY, name TEXT, row_key TEXT)")
    for table in tables:
        for what, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
            key = ", ".join(f"{row}.{quoted(name)}" for name in _key(table))
            values = f"VALUES ({_text(table.name)}, json_array({key}))"
            note = f"INSERT INTO owa_tried (name, row_key) {values}"
            trigger = f"{quoted(f'{table.name}_{what}')} AFTER {what} ON main.{quoted(table.name)}"
            connection.exec_driver_sql(f"CREATE TEMP TRIGGER {trigger} BEGIN {note}; END")


def _on_postgresql(connection: Connection, tables: Iterable[Table]) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    columns = "unnest(TG_ARGV) WITH ORDINALITY AS key(name, place)"
    key = f"(SELECT jsonb_agg(to_jsonb({{0}}) -> name ORDER BY place) FROM {columns})"  # noqa: S608
    note = "INSERT INTO owa_tried (name, row_key) SELECT TG_TABLE_NAME, {0}::text"
    old, new = note.format(key.format("OLD")), note.format(key.format("NEW"))
    connection.exec_driver_sql(
        "CREATE TEMP TABLE owa_tried (number BIGSERIAL PRIMARY KEY, name TEXT, row_key TEXT) ON COMMIT DROP;"
        "CREATE FUNCTION pg_temp.owa_note_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN {old}; ELSE {new}; END IF; RETURN NULL; END $$"
    )
    for table in tables:
        names = ", ".join(map(_text, _key(table)))
        connection.exec_driver_sql(
            f"CREATE TRIGGER owa_tried AFTER INSERT OR UPDATE OR DELETE ON {quoted(table.name)} "
            f"FOR EACH ROW EXECUTE FUNCTION pg_temp.owa_note_row({names})".replace("%", "%%")
        )


def _text(word: str) -> str:
    """As a literal of SQL."""
    return "'" + word.replace("'", "''") + "'"


_TRIGGERS: Mapping[str, Callable[[Connection, Iterable[Table]], None]] = {
    "sqlite": _on_sqlite,
    "postgresql": _on_postgresql,
}

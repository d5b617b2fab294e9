"""Which rows a transaction changes that is rolled back in the end: their values before it, and in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from owa.db.engine import Database
from owa.db.metadata import METADATA

MOST_ROWS = 40

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row."""

    table: str
    key: int
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
    """Notes the keys of rows that are written, by triggers that go with the transaction. Only of tables whose key is
    one number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {
            table.name: table
            for table in METADATA.tables.values()
            if [column.name for column in table.primary_key] == ["id"]
        }
        _TRIGGERS[connection.dialect.name](connection, list(self._tables))

    def changes(self, database: Database) -> tuple[list[RowChange], bool]:
        """The changed rows, in the order in which they were first written, and whether there are more. `database`:
        where they are read as they were."""
        order = "GROUP BY name, id ORDER BY min(number)"
        found = self._connection.exec_driver_sql(f"SELECT name, id FROM owa_tried {order} LIMIT {MOST_ROWS + 1}")  # noqa: S608
        keys = [(name, key) for name, key in found]
        with database.reading() as reading:
            changes = [self._change(reading, self._tables[name], key) for name, key in keys[:MOST_ROWS]]
        return [change for change in changes if change.before != change.after], len(keys) > MOST_ROWS

    def _change(self, reading: Connection, table: Table, key: int) -> RowChange:
        row = select(table).where(table.c.id == key)
        before, after = reading.execute(row).mappings().first(), self._connection.execute(row).mappings().first()
        return RowChange(table.name, key, dict(before) if before else None, dict(after) if after else None)


def _on_sqlite(connection: Connection, tables: list[str]) -> None:
    connection.exec_driver_sql("CREATE TEMP TABLE owa_tried (number INTEGER PRIMARY KEY, name TEXT, id INTEGER)")
    for name in tables:
        for what, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
            connection.exec_driver_sql(
                f"CREATE TEMP TRIGGER {name}_{what} AFTER {what} ON main.{name} "  # noqa: S608
                f"BEGIN INSERT INTO owa_tried (name, id) VALUES ('{name}', {row}.id); END"
            )


def _on_postgresql(connection: Connection, tables: list[str]) -> None:
    connection.exec_driver_sql(
        "CREATE TEMP TABLE owa_tried (number BIGSERIAL PRIMARY KEY, name TEXT, id BIGINT) ON COMMIT DROP;"
        "CREATE FUNCTION pg_temp.owa_note_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' THEN INSERT INTO owa_tried (name, id) VALUES (TG_TABLE_NAME, OLD.id); "
        "ELSE INSERT INTO owa_tried (name, id) VALUES (TG_TABLE_NAME, NEW.id); END IF; RETURN NULL; END $$;"
        + "".join(
            f"CREATE TRIGGER owa_tried AFTER INSERT OR UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp.owa_note_row();"
            for name in tables
        )
    )


_TRIGGERS: Mapping[str, Callable[[Connection, list[str]], None]] = {
    "sqlite": _on_sqlite,
    "postgresql": _on_postgresql,
}

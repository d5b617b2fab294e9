"""Which rows a transaction changes that is rolled back in the end: their values before it, and in it."""

from collections.abc import Callable, Iterable, Mapping
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
    """Notes the keys of rows that are written, by triggers that go with the transaction. Only of tables whose key is an
    id, or that and a site's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {table.name: table for table in METADATA.tables.values() if _key(table) in _KEYS}
        _TRIGGERS[connection.dialect.name](connection, self._tables.values())

    def changes(self, database: Database) -> tuple[list[RowChange], bool]:
        """The changed rows, in the order in which they were first written, and whether there are more. `database`:
        where they are read as they were."""
        order = f"GROUP BY name, id, site_id ORDER BY min(number) LIMIT {MOST_ROWS + 1}"
        found = self._connection.exec_driver_sql(f"SELECT name, id, site_id FROM owa_tried {order}")  # noqa: S608
        keys = [(name, (key, site)) for name, key, site in found]
        with database.reading() as reading:
            changes = [self._change(reading, self._tables[name], key) for name, key in keys[:MOST_ROWS]]
        return [change for change in changes if change.before != change.after], len(keys) > MOST_ROWS

    def _change(self, reading: Connection, table: Table, key: tuple[int, str]) -> RowChange:
        row = select(table).where(*(column == part for column, part in zip(table.primary_key, key, strict=False)))
        before, after = reading.execute(row).mappings().first(), self._connection.execute(row).mappings().first()
        return RowChange(table.name, key[0], dict(before) if before else None, dict(after) if after else None)


_KEYS = (("id",), ("id", "site_id"))


def _key(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def _on_sqlite(connection: Connection, tables: Iterable[Table]) -> None:
    columns = "number INTEGER PRIMARY KEY, name TEXT, id INTEGER, site_id TEXT"
    connection.exec_driver_sql(f"CREATE TEMP TABLE owa_tried ({columns})")
    for table in tables:
        for what, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")):
            site = f"{row}.site_id" if "site_id" in _key(table) else "''"
            note = f"INSERT INTO owa_tried (name, id, site_id) VALUES ('{table.name}', {row}.id, {site})"  # noqa: S608
            trigger = f"CREATE TEMP TRIGGER {table.name}_{what} AFTER {what} ON main.{table.name}"
            connection.exec_driver_sql(f"{trigger} BEGIN {note}; END")


def _on_postgresql(connection: Connection, tables: Iterable[Table]) -> None:
    note = "INSERT INTO owa_tried (name, id, site_id) SELECT TG_TABLE_NAME"
    site = "CASE TG_ARGV[0] WHEN 'site' THEN to_jsonb({0}) ->> 'site_id' ELSE '' END"
    connection.exec_driver_sql(
        "CREATE TEMP TABLE owa_tried (number BIGSERIAL PRIMARY KEY, name TEXT, id BIGINT, site_id TEXT) ON COMMIT DROP;"
        "CREATE FUNCTION pg_temp.owa_note_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN {note}, OLD.id, {site.format('OLD')}; "
        f"ELSE {note}, NEW.id, {site.format('NEW')}; END IF; RETURN NULL; END $$"
    )
    triggers = [
        f"CREATE TRIGGER owa_tried AFTER INSERT OR UPDATE OR DELETE ON {table.name} "
        f"FOR EACH ROW EXECUTE FUNCTION pg_temp.owa_note_row('{'site' if 'site_id' in _key(table) else ''}');"
        for table in tables
    ]
    connection.exec_driver_sql("".join(triggers))


_TRIGGERS: Mapping[str, Callable[[Connection, Iterable[Table]], None]] = {
    "sqlite": _on_sqlite,
    "postgresql": _on_postgresql,
}

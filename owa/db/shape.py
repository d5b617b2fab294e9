"""What the database lacks of the tables that OWA declares: somebody's hand, or half a backup. Migrations do not see
that."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from owa.db.metadata import METADATA

OURS = "owa_"
"""How the names of OWA's own tables begin. Those of others' modules may not have been made yet."""

_COLUMNS = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = ANY (current_schemas(false))",
}
_INDEXES = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname, tablename FROM pg_indexes WHERE schemaname = ANY (current_schemas(false))",
}
"""One statement each, since a diagnosis is made every few seconds."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A table that is not as it is declared."""

    table: str
    columns: tuple[str, ...] = ()
    """Those that it lacks; none: it is missing itself."""
    renamed: str = ""
    """Under which name its indexes are found; empty: they are gone too."""

    def __str__(self) -> str:
        if self.columns:
            return f"The table {self.table} lacks {', '.join(self.columns)}."
        return f"The table {self.table} is missing{f': it was renamed to {self.renamed}' if self.renamed else ''}."

    @property
    def can_be_made(self) -> bool:
        """Whether `make_missing` makes it. What a column held cannot be known, and what was renamed has it all."""
        return not self.columns and not self.renamed

    @property
    def remedy(self) -> str:
        backup = "put back a backup of the database (what is queued stays queued)"
        if self.renamed:
            return f"In the database: ALTER TABLE {self.renamed} RENAME TO {self.table}"
        if self.columns:
            return f"Rename it back if somebody has renamed it; else {backup}"
        return f"If it held something, {backup}; else make it anew, empty: python cli.py cmd=install"


def lacks(connection: Connection) -> list[Lack]:
    """By the tables' names; none: all are as declared. Cheap."""
    dialect = connection.dialect.name
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(text(_COLUMNS[dialect])):
        found.setdefault(table, set()).add(column)
    wanted = {name: list(table.columns.keys()) for name, table in METADATA.tables.items() if name.startswith(OURS)}
    lacking = {
        name: tuple(column for column in columns if column not in found[name]) if name in found else ()
        for name, columns in sorted(wanted.items())
        if not found.get(name, set()).issuperset(columns)
    }
    indexes = {row[0]: row[1] for row in connection.execute(text(_INDEXES[dialect]))} if lacking else {}
    return [Lack(name, columns, "" if columns else _renamed(name, indexes)) for name, columns in lacking.items()]


def make_missing(connection: Connection) -> tuple[list[Lack], list[Lack]]:
    """Make the tables that are missing, empty: those that were made, and what must be mended by hand."""
    found = lacks(connection)
    made = [lack for lack in found if lack.can_be_made]
    METADATA.create_all(connection, [METADATA.tables[lack.table] for lack in made])
    return made, [lack for lack in found if not lack.can_be_made]


def _renamed(name: str, indexes: Mapping[str, str]) -> str:
    """Indexes keep their names when their table is renamed."""
    names = sorted(str(index.name) for index in METADATA.tables[name].indexes)
    return next((indexes[index] for index in names if index in indexes), "")

"""Merges: the SQL by which a row takes in what a batch knows about it. Idempotent or counted, and commutative, so that
neither order nor repetition changes a table.

A group of columns that is the first or the last by key moves as one, decided by the key that stands beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, or_, tuple_

from owa.db.bulk import BulkStatement, bound

Condition = ColumnElement[bool]
Columns = Any
"""The columns of a table, or of the row that an insert proposes."""


def earlier(new: Columns, old: Columns, group: str) -> Condition:
    """The new key of `group` is less, or the old row has none."""
    return _decides(new, old, group, less=True)


def later(new: Columns, old: Columns, group: str) -> Condition:
    """The new key of `group` is greater, or the old row has none."""
    return _decides(new, old, group, less=False)


def take(condition: Condition, new: Columns, old: Columns, names: Iterable[str]) -> dict[str, Any]:
    """Assignments that take `names` from the new row where the condition holds, and keep the old ones elsewhere."""
    return {name: case((condition, new[name]), else_=old[name]) for name in names}


def with_key(group: str, names: Iterable[str]) -> list[str]:
    """The columns of a group, its key included."""
    return [*names, f"{group}_at", f"{group}_guid"]


def last_non_empty(new: Columns, old: Columns, names: Iterable[str]) -> tuple[dict[str, Any], list[Condition]]:
    """Assignments for attributes that are each the last non-empty value by key, and their conditions."""
    conditions = {name: later(new, old, name) for name in names}
    assignments: dict[str, Any] = {}
    for name, condition in conditions.items():
        assignments |= take(condition, new, old, with_key(name, [name]))
    return assignments, list(conditions.values())


def dimension_merge(table: Table, text: str, derived: Iterable[str], attributes: Iterable[str]) -> BulkStatement:
    """Insert or merge rows of a dimension: the least text with what derives from it, and the last attributes."""

    def build(insert: Any) -> Any:
        statement = bound(insert(table), table.columns.keys())
        new, old = statement.excluded, table.c
        less = new[text] < old[text]
        assignments, conditions = last_non_empty(new, old, attributes)
        return statement.on_conflict_do_update(
            index_elements=["id"],
            set_={**take(less, new, old, [text, *derived]), **assignments},
            where=or_(less, *conditions),
        )

    return BulkStatement(build)


def merge(table: Table, keys: Iterable[str], assign: Any, columns: Sequence[str] = ()) -> BulkStatement:
    """Insert rows, or change them as `assign(new, old)` says. `columns`: those that new rows fill; default: all."""

    def build(insert: Any) -> Any:
        statement = bound(insert(table), columns or table.columns.keys())
        assignments: Mapping[str, Any] = assign(statement.excluded, table.c)
        return statement.on_conflict_do_update(index_elements=list(keys), set_=assignments)

    return BulkStatement(build)


def _decides(new: Columns, old: Columns, group: str, *, less: bool) -> Condition:
    at, guid = f"{group}_at", f"{group}_guid"
    new_key, old_key = tuple_(new[at], new[guid]), tuple_(old[at], old[guid])
    return and_(new[at].is_not(None), or_(old[at].is_(None), new_key < old_key if less else new_key > old_key))

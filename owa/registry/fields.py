"""Checks the types of what modules hand over: Python does not, and it would be noticed far from the culprit."""

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from owa.contributions import FactHandler
from owa.errors import ModuleError


def check_fields(module: str, item: Any) -> None:
    """Raises `ModuleError` naming the first field of a contribution that holds something of the wrong type."""
    hints: Mapping[str, Any] = {"event_types": frozenset[str]}
    if is_dataclass(item) and not isinstance(item, FactHandler):
        hints = get_type_hints(type(item))
    for name, hint in hints.items():
        value = getattr(item, name, None)
        if not _fits(value, hint):
            kind = type(item).__name__
            raise ModuleError(f"The module {module} has a {kind} whose {name} is {value!a:.100}.", f"Wanted: {hint}.")


def _fits(value: Any, hint: Any) -> bool:
    """Whether the value is of that type, as far as it can be told without calling anything."""
    origin = get_origin(hint) or hint
    if origin in (types.UnionType, Union):
        return any(_fits(value, part) for part in get_args(hint))
    if origin is Any or isinstance(origin, TypeVar):
        return True
    if origin in (tuple, frozenset):
        return isinstance(value, origin) and all(isinstance(part, str) for part in value)
    return isinstance(value, origin)

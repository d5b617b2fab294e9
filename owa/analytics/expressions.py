"""Regular expressions that people typed. RE2 runs them: its time grows with the text alone, whatever the expression."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2

MOST_MEMORY = 2**20
"""Bytes that one may take, compiled and at work."""

LARGEST_PROGRAM = 2_500
"""Steps of a compiled one: with more of them, a long text would take too long in the worst case."""


@lru_cache(maxsize=2_000)
def searcher(expression: str) -> Callable[[str], bool]:
    """What says whether the expression is found anywhere in a text. Raises `ValueError` with the reason when it is no
    expression of RE2, or too large a one."""
    import re2  # most sites have no expressions

    try:
        compiled = re2.compile(expression.encode(), _options())
    except re2.error as error:
        raise ValueError(_reason(error)) from None
    if max(compiled.programsize, compiled.reverseprogramsize) > LARGEST_PROGRAM:
        raise ValueError("the expression is too large")
    # As bytes: RE2 reads UTF-8, and texts would be encoded and measured for positions that nobody asks for.
    return lambda text: compiled.search(text.encode("utf-8", "replace")) is not None


def _options() -> "re2.Options":
    import re2

    options = re2.Options()
    options.max_mem = MOST_MEMORY
    options.log_errors = False
    options.never_capture = True
    return options


def _reason(error: Exception) -> str:
    """RE2's own words, which are bytes."""
    (reason, *_) = error.args or (b"",)
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)

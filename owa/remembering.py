"""Answers that are kept, so that what comes time and again is worked out once: no more of them, and of no longer texts,
than memory has room for."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

LONGEST = 500
"""Characters: longer texts are mostly made up, and hardly any comes twice. Thousands of them would fill the memory."""

P = ParamSpec("P")
T = TypeVar("T")


def remembers(most: int) -> Callable[[Callable[Concatenate[str, P], T]], Callable[Concatenate[str, P], T]]:
    """For a function of a text that is always answered alike: its last `most` answers are kept."""

    def decorate(function: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
        remembered: Callable[..., Any] = lru_cache(most)(function)

        @wraps(function)
        def answer(text: str, /, *others: P.args, **named: P.kwargs) -> T:
            found: T = (remembered if len(text) <= LONGEST else function)(text, *others, **named)
            return found

        return answer

    return decorate

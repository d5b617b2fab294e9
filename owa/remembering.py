"""Answers that are kept, so that what comes time and again is worked out once: no more of them, and of no longer texts,
than memory has room for."""

from collections.abc import Callable
from functools import lru_cache, wraps
from inspect import signature
from typing import Concatenate, ParamSpec, TypeVar

LONGEST = 500
"""Characters: longer texts are mostly made up, and hardly any comes twice. Thousands of them would fill the memory."""

P = ParamSpec("P")
T = TypeVar("T")


def remembers(most: int) -> Callable[[Callable[Concatenate[str, P], T]], Callable[Concatenate[str, P], T]]:
    """For a function of a text that is always answered alike: its last `most` answers are kept."""

    def decorate(function: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
        remembered: Callable[..., T] = lru_cache(most)(function)

        @wraps(function)
        def answer(text: str, /, *others: P.args, **named: P.kwargs) -> T:
            return (remembered if len(text) <= LONGEST else function)(text, *others, **named)

        @wraps(function)
        def short_answer(text: str) -> T:  # is there sooner than with a list of the others
            return remembered(text) if len(text) <= LONGEST else long(text)

        long: Callable[..., T] = function
        return short_answer if len(signature(function).parameters) == 1 else answer  # type: ignore[return-value]

    return decorate

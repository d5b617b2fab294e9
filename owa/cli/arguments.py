"""The words of a command line: `key=value` and `--switch`."""

from collections.abc import Iterable, Mapping

from owa.errors import UsageError
from owa.settings import did_you_mean, parse_boolean

COMMON = {"verbose": "1: say what was done, also when not on a terminal", "format": "json: print JSON"}
"""Arguments that every command takes, with their help."""


class Arguments:
    """Read-once access to the words' values."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def pop(self, name: str, default: str) -> str:
        return self._values.pop(name, default)

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def number(self, name: str, default: float | None = None) -> float | None:
        """A number of at least 0. Raises `UsageError`."""
        value = self._values.get(name)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number < 1e12:
            raise UsageError(f"{name}={value}: wants a number of at least 0.")
        return number

    def switch(self, name: str) -> bool:
        """Whether it is on. Raises `UsageError`."""
        text = self.text(name, "0")
        try:
            return parse_boolean(text)
        except ValueError:
            raise UsageError(f"{name}={text}: wants 1 or 0.", f"Leave {name} out for 0.") from None

    def check(self, known: Iterable[str], command: str) -> None:
        """Raises `UsageError` for a word that the command does not know."""
        allowed = {*known, *COMMON}
        if self.text("format", "json") != "json":
            raise UsageError(f"format={self.text('format')}: wants json.", "Leave it out for text.")
        for name in self._values:
            if name not in allowed:
                raise UsageError(
                    f"{command} knows no argument {name!r}{did_you_mean(name, allowed)}",
                    "See `python cli.py cmd=help`.",
                )


def parse(words: Iterable[str]) -> Arguments:
    """The words as `Arguments`; a switch is the value 1. Raises `UsageError`."""
    values = {}
    for word in words:
        if word.startswith("--"):
            word = f"{word[2:]}=1" if "=" not in word else word[2:]
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise UsageError(f"{word!r} is not of the form key=value.", "See `python cli.py cmd=help`.")
        if name in values:
            raise UsageError(f"{name} is given twice.", "Leave one out.")
        if not value or not _is_utf8(value):
            raise UsageError(f"{name}={value!a}: wants a text in UTF-8.", f"Leave {name} out for its default.")
        values[name] = value
    return Arguments(values)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_on(words: Iterable[str], name: str) -> bool:
    """Whether the switch `name` is among the words and not off."""
    for word in words:
        key, separator, value = word.removeprefix("--").partition("=")
        if key == name:
            try:
                return parse_boolean(value) if separator else True
            except ValueError:
                return True
    return False

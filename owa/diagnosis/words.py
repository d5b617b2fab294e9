"""How figures are written, for people."""

from datetime import UTC, datetime

from owa.clock import MICROSECONDS

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def moment(at: int | None) -> str:
    """A moment in microseconds, in UTC to the second; a dash for none."""
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(length: int | None) -> str:
    """A length of time in microseconds, in its two greatest units at most; a dash for none."""
    if length is None:
        return "–"
    if length < 10 * MICROSECONDS:
        return f"{max(0, length) / MICROSECONDS:.2f} s"
    seconds = length // MICROSECONDS
    for number, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            smaller, part = [*_UNITS, ("s", 1)][number + 1]
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


def count(number: int, noun: str) -> str:
    """With its noun, which takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def readable(text: str, most: int) -> str:
    """A text from outside, in one line of at most so many characters, without what a terminal obeys."""
    line = " ".join(text[: most + 1].split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line[:most])
    return f"{shown}…" if len(text) > most else shown

"""The error tree. Every message names the thing and the remedy; driver errors are wrapped at the border."""

import traceback

LONGEST_LINE = 1_000
LONGEST_TRACE = 20_000
"""Characters kept of a traceback: its head and its tail."""


def told(error: BaseException) -> tuple[str, str]:
    """What a foreign exception says: a line, and its traceback. Fit for any database and page, whatever is in it; it
    may quote what an event holds, and its `str` may raise."""
    try:
        line = f"{type(error).__name__}: {error}"
    except Exception:
        line = f"{type(error).__name__}, which cannot say what it is about"
    trace = "".join(traceback.format_exception(error))
    if len(trace) > LONGEST_TRACE:
        trace = f"{trace[: LONGEST_TRACE // 2]}\n…\n{trace[-LONGEST_TRACE // 2 :]}"
    return storable(line[:LONGEST_LINE]), storable(trace)


def storable(text: str) -> str:
    """The text without what no database and no JSON keeps: lone surrogates, NUL."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


class OwaError(Exception):
    """Whatever OWA reports to a person: what is wrong, and what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class UsageError(OwaError):
    """A command or a call was used wrongly."""


class SettingsError(OwaError):
    """One or more settings are wrong. `problems` holds all of them, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotInstalled(OwaError):
    """There is no installation where one was looked for."""


class ModuleError(OwaError):
    """A module cannot be loaded, or two modules contradict each other."""


class ModuleFailed(OwaError):
    """A module has raised something. It is noted against it, with its traceback."""


class RecordError(OwaError):
    """A stored or received record is not an event of ours."""


class Outage(OwaError):
    """Something that everything depends on is away for now. Nothing is failed for it: try again."""


class DatabaseUnavailable(Outage):
    """The database cannot be reached, is locked for too long, is full, or has not been installed."""


class QueueUnavailable(Outage):
    """The queue cannot keep an event: the disk is full, or the folder cannot be written."""


class QueuePaused(OwaError):
    """An admin has paused the queue: nothing of it is processed now."""


class HeldByAnother(OwaError):
    """Another drain holds the queue."""


class Overtaken(OwaError):
    """Another drain has acknowledged this batch: its effects must be rolled back."""

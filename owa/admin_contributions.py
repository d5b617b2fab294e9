"""What modules contribute for those who run OWA: pages, regular jobs, commands, checks, tests of their settings."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from owa.capabilities import Capability
from owa.clock import Clock
from owa.db.engine import Database
from owa.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
"""Names become parts of addresses, of file names and of command lines."""


@dataclass(frozen=True, slots=True)
class ModuleContext:
    """What jobs, commands, checks and pages get."""

    settings: Settings
    """As they are now."""
    database: Database
    clock: Clock
    folder: Path
    """The queue files' folder (`base.async_log_dir`)."""
    generation: Callable[[], int]
    """Of the configuration that this process has applied."""


@dataclass(frozen=True, slots=True)
class PageContext(ModuleContext):
    """What a page gets."""

    user_id: str
    """Who is asking."""
    query: Mapping[str, str]
    """The parameters of the address."""
    sees: Callable[[str], bool]
    """Whether he may see what is about the site of that id."""
    note: Callable[..., None]
    """`note(connection, action, subject, before=None, after=None)`: an entry of the audit trail, in the transaction
    that makes the change. `action` is a verb and a noun, the last two are mappings. Secrets are for the caller to
    mask."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a page shows."""

    template: str
    """A file of the folder `templates` of the module's package."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the template calls them. All are escaped. `title` and `problem` are set already."""


@dataclass(frozen=True, slots=True)
class AdminPage:
    """A page of the admin's, at `/admin/modules/MODULE/SLUG`."""

    slug: str
    title: str
    permission: Capability
    """Who has it sees the page, and may send its forms."""
    render: Callable[[PageContext], PageContent]
    act: Callable[[PageContext, Mapping[str, str]], str] | None = None
    """Does what a form of the page asks for; gets its fields. Returns a sentence for the page, which is shown again.
    Raises `UsageError` for what is refused."""

    def __post_init__(self) -> None:
        _check_name(self.slug)


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """Something that is done regularly by one of the web processes."""

    name: str
    interval: int
    """Seconds between two runs."""
    run: Callable[[ModuleContext], Mapping[str, int]]
    """Returns figures on what it did, by what they are called; those that are 0 are not kept."""
    is_shared: bool = False
    """Whether one process of all that share the database runs it; else one on each server does."""
    about: str = ""
    """What it does, in a sentence, for the admin."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not isinstance(self.interval, int) or self.interval < 1:
            raise ValueError(f"The job {self.name} wants an interval of whole seconds, not {self.interval!a:.100}.")


class Arguments(Protocol):
    """The words of a command line."""

    def text(self, name: str, default: str = "") -> str:
        """The value of `name=…`."""

    def number(self, name: str, default: float | None = None) -> float | None:
        """A number of at least 0. Raises `UsageError`."""


class Output(Protocol):
    """What a command prints: nothing by itself, since cron mails what is printed."""

    def say(self, text: str) -> None:
        """For a person: on a terminal, or with verbose=1."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """The same, as a table."""

    def document(self, document: Mapping[str, Any]) -> None:
        """The result for machines, with format=json."""

    def problem(self, text: str) -> None:
        """To standard error."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line: `cmd=NAME`."""

    name: str
    help: str
    run: Callable[[ModuleContext, Arguments, Output], int]
    """Returns the exit status: 0 done, 1 trouble. Raises `UsageError` for what is refused."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Its arguments, with their help. Others are refused."""

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check has found."""

    text: str
    remedy: str
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Looks whether something is as it must be. It must be quick: the dashboard waits for it."""

    name: str
    check: Callable[[ModuleContext], Problem | None]
    """None: all is well."""


@dataclass(frozen=True, slots=True)
class ModuleTest:
    """A button below the module's settings that tries whether they work."""

    title: str
    """What the button says, such as `Send a test message`."""
    run: Callable[[ModuleContext], str]
    """Returns what came of it, in a sentence. Whatever it raises is shown; raise `UsageError` with a remedy."""


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!a:.100} is no name: letters, digits, - and _ are.")

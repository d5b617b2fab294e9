"""What a command is."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from owa.cli.arguments import Arguments
from owa.cli.output import Output
from owa.errors import OwaError

if TYPE_CHECKING:
    from owa.app import Installation

DONE, TROUBLE, WRONG_USE, HELD = 0, 1, 2, 75
"""Exit statuses. 75 is EX_TEMPFAIL of sysexits.h: try again later."""


def default_base_url(arguments: Arguments) -> str:
    """`base_url`, or where `make run` would serve."""
    port = os.environ.get("PORT") or "6543"
    return arguments.text("base_url", f"http://127.0.0.1:{port}").rstrip("/") + "/"


Run = Callable[["Installation", Arguments, Output], int]
"""Returns the exit status; raises `OwaError`."""


@dataclass(frozen=True)
class Command:
    """A command of the command line."""

    name: str
    help: str
    run: Run
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Its arguments, with their help."""
    run_closed: Callable[[OwaError, Arguments, Output], int] | None = None
    """What is run where nothing can be opened, for the reason given; None: that is told. May raise that reason."""
    installs: bool = False
    """Whether it makes an installation where there is none."""
    for_admin: bool = True
    """Whether it may need what modules contribute for the admin."""

"""The command line: `python cli.py cmd=NAME key=value … --switch`, also installed as `owa`. Made for cron."""

import gc
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from owa.cli.arguments import Arguments, parse
from owa.cli.command import DONE, TROUBLE, WRONG_USE, Command
from owa.cli.commands import NAMES, find_command
from owa.cli.output import Output
from owa.errors import DatabaseUnavailable, ModuleError, NotInstalled, OwaError, SettingsError, UsageError
from owa.settings import did_you_mean

if TYPE_CHECKING:
    from owa.registry import Registry


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 trouble, 2 wrong use, 75 held by another drain."""
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["help"], ["-h"], ["--help"]):
        words = ["cmd=help"]
    output = Output.from_words(words)
    try:
        return _run(parse(words), output)
    except (UsageError, SettingsError, ModuleError) as error:
        output.error(error)
        return WRONG_USE
    except OwaError as error:
        output.error(error)
        return TROUBLE
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return TROUBLE


def _run(arguments: Arguments, output: Output) -> int:
    name = arguments.pop("cmd", "help")
    if name == "help":
        from owa.cli.help import print_help

        print_help()
        return DONE
    command = find_command(name)
    if command:
        arguments.check(command.arguments, command.name)
    from owa.app import open_installation  # help and typing errors must not need an installation

    try:
        installation = open_installation(
            anew=command is not None and command.installs, for_admin=command is None or command.for_admin
        )
    except (OwaError, OSError) as error:
        if command is None and isinstance(error, NotInstalled):
            _check_known(name)
        if command is None or command.run_closed is None:
            raise
        reason = error if isinstance(error, OwaError) else OwaError(f"{error.filename}: {error.strerror}.")
        return command.run_closed(reason, arguments, output)
    _collect_from_now_on()
    try:
        for notice in installation.configuration.current().settings.notices:
            output.problem(notice)
        if not command:
            command = _contributed(name, installation.registry)
            arguments.check(command.arguments, command.name)
        return command.run(installation, arguments, output)
    finally:
        with suppress(DatabaseUnavailable):
            installation.isolation.tell()
        installation.close()


def _collect_from_now_on() -> None:
    """After `cli.py` has put it off. What is there by now stays until the end: the collector never looks through it,
    also not when the process ends."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _check_known(name: str) -> None:
    """Raises `UsageError` for what no module can contribute, since there is no installation."""
    from owa.cli.commands.contributed import known_commands, owner_of

    if not owner_of(name):
        raise _unknown(name, known_commands())


def _contributed(name: str, registry: "Registry") -> Command:
    from owa.cli.commands.contributed import contributed_commands, owner_of

    commands = contributed_commands(registry)
    for command in commands:
        if command.name == name:
            return command
    if module := owner_of(name):
        raise UsageError(f"{name} is a command of the module {module}, which is off.", f"cmd=activate module={module}")
    raise _unknown(name, commands)


def _unknown(name: str, contributed: Iterable[Command]) -> UsageError:
    hint = did_you_mean(name, (*NAMES, *(command.name for command in contributed)))
    return UsageError(f"There is no command {name!r}{hint}", "See `python cli.py cmd=help`.")

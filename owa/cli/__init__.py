"""The command line: `python cli.py cmd=NAME key=value … --switch`, also installed as `owa`. Made for cron."""

import logging
import os
import sys
from collections.abc import Sequence

from owa.cli.arguments import Arguments, parse
from owa.cli.command import DONE, TROUBLE, WRONG_USE, Command
from owa.cli.commands import COMMANDS
from owa.cli.help import print_help
from owa.cli.output import Output
from owa.errors import ModuleError, OwaError, SettingsError, UsageError
from owa.settings import did_you_mean


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
        print_help()
        return DONE
    command = _find(name)
    arguments.check(command.arguments, command.name)
    from owa.app import open_installation  # help and typing errors must not need an installation

    installation = open_installation(anew=command.installs)
    try:
        for notice in installation.configuration.current().settings.notices:
            output.problem(notice)
        return command.run(installation, arguments, output)
    finally:
        installation.close()


def _find(name: str) -> Command:
    for command in COMMANDS:
        if command.name == name:
            return command
    hint = did_you_mean(name, (command.name for command in COMMANDS))
    raise UsageError(f"There is no command {name!r}{hint}", "See `python cli.py cmd=help`.")

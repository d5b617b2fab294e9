"""The commands that modules contribute."""

from owa import admin_contributions
from owa.app import Installation, open_installation
from owa.cli.arguments import Arguments
from owa.cli.command import Command
from owa.cli.output import Output
from owa.db.modules import Switch
from owa.errors import OwaError
from owa.registry import BUILT_IN, Registry, load


def contributed_commands(registry: Registry) -> list[Command]:
    """Those of the modules that are on, as commands of ours. What a module raises is held against it."""
    return [_command(module, command) for module, command in registry.commands]


def known_commands() -> list[Command]:
    """Those of this installation; of what is on by default, where there is none, or none that can be opened."""
    try:
        installation = open_installation(anew=False)
        try:
            return contributed_commands(installation.registry)
        finally:
            installation.close()
    except (OwaError, OSError):
        pass  # who asks for help has trouble enough
    return contributed_commands(load())


def owner_of(name: str) -> str:
    """The module of ours that contributes the command of that name when it is on; empty: none does."""
    everything = load(dict.fromkeys(BUILT_IN, Switch.ON))
    return next((module for module, command in everything.commands if command.name == name), "")


def _command(module: str, command: admin_contributions.Command) -> Command:
    def run(installation: Installation, arguments: Arguments, output: Output) -> int:
        def status() -> int:
            found = command.run(installation.contexts.module(), arguments, output)
            if not isinstance(found, int):
                raise TypeError(f"A command returns its exit status, not {found!a:.100}.")
            return found

        return installation.isolation.run(module, f"command {command.name}", status)

    return Command(command.name, command.help, run, command.arguments)

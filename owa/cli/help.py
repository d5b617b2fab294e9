"""`cmd=help`."""

from owa.cli.arguments import COMMON
from owa.cli.commands import all_commands
from owa.cli.commands.contributed import known_commands


def print_help() -> None:
    """Print all commands with their arguments, those of modules last."""
    print("python cli.py cmd=NAME key=value … --switch\n")
    for command in (*all_commands(), *known_commands()):
        print(f"{command.name}\n    {command.help}")
        for name, text in command.arguments.items():
            print(f"      {name}=…  {text}")
    print("\nEvery command takes:")
    for name, text in COMMON.items():
        print(f"      {name}=…  {text}")
    print("\nExit status: 0 done, 1 something failed or is paused, 2 wrong use, 75 held by another drain.")

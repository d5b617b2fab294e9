"""`cmd=activate` and `cmd=deactivate`."""

from owa.accounts.audit import Actor
from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command
from owa.cli.output import Output
from owa.errors import UsageError

COMMAND_LINE = Actor("command line")


def activate(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.switching import switch_on

    switched = switch_on(installation, _name(arguments), COMMAND_LINE)
    told = f"{switched.name} is on." if switched.changed else f"{switched.name} was on already."
    output.say(f"{told} {switched.told}".rstrip())
    output.document({"module": switched.name, "state": switched.switch.value})
    return DONE


def deactivate(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.switching import switch_off

    queued = arguments.text("queued", "drain")
    if queued not in ("drain", "park"):
        raise UsageError(f"queued={queued}: wants drain or park.")
    switched = switch_off(installation, _name(arguments), COMMAND_LINE, park=queued == "park")
    output.say(f"{switched.name} is off." if switched.changed else f"{switched.name} was off already.")
    output.document({"module": switched.name, "state": switched.switch.value})
    return DONE


def _name(arguments: Arguments) -> str:
    name = arguments.text("module")
    if not name:
        raise UsageError("Which module?", "cmd=activate module=NAME")
    return name


ACTIVATE = Command(
    "activate", "Switch a module on, in all processes.", activate, {"module": "its name, such as remote_queue"}
)
DEACTIVATE = Command(
    "deactivate",
    "Switch a module off, in all processes.",
    deactivate,
    {
        "module": "its name, such as remote_queue",
        "queued": "what becomes of the events that its queue holds: drain (default) or park",
    },
)

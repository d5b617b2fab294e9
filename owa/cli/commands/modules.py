"""`cmd=activate` and `cmd=deactivate`."""

from collections.abc import Mapping

from owa.accounts.audit import Actor
from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command
from owa.cli.output import Output
from owa.db.modules import Switch
from owa.errors import UsageError

COMMAND_LINE = Actor("command line")

HELD = {"hand-over": Switch.HANDING_OVER, "park": Switch.PARKED}

AFTERWARDS = {
    Switch.DRAINING: " What its queue holds is still processed.",
    Switch.HANDING_OVER: " The next drain on each server moves what its queue holds to the queue that follows.",
    Switch.PARKED: " What its queue holds stays there.",
}
"""What becomes of the events, to be said."""


def activate(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.switching import switch_on

    switched = switch_on(installation, _name(arguments), COMMAND_LINE)
    told = f"{switched.name} is on." if switched.changed else f"{switched.name} was on already."
    output.say(f"{told} {switched.told}".rstrip())
    output.document({"module": switched.name, "state": switched.switch.value})
    return DONE


def deactivate(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.switching import switch_off

    switched = switch_off(installation, _name(arguments), COMMAND_LINE, _held(arguments))
    verb, end = ("is", "") if switched.changed else ("was", " already")
    output.say(f"{switched.name} {verb} off{end}.{AFTERWARDS.get(switched.switch, '')}")
    output.document({"module": switched.name, "state": switched.switch.value})
    return DONE


def _held(arguments: Arguments) -> Switch:
    """What becomes of the events that its queue holds. `queued` is how the first version spelled it."""
    if not arguments.text("queued"):
        return _one_of(arguments, "events", {"wait": Switch.DRAINING, **HELD})
    if arguments.text("events"):
        raise UsageError("events and queued say the same thing.", "Leave queued out.")
    return _one_of(arguments, "queued", {"drain": Switch.DRAINING, "park": Switch.PARKED})


def _one_of(arguments: Arguments, name: str, choices: Mapping[str, Switch]) -> Switch:
    default, *others = choices
    value = arguments.text(name, default)
    if value not in choices:
        raise UsageError(f"{name}={value}: wants {', '.join([default, *others[:-1]])} or {others[-1]}.")
    return choices[value]


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
        "events": "what becomes of those that its queue holds: wait (default) until they are processed, hand-over to "
        "the queue that follows, or park",
        "queued": "the same as before there was events: drain (default) or park",
    },
)

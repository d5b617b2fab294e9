"""`cmd=pause` and `cmd=resume`."""

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command
from owa.cli.output import Output
from owa.errors import UsageError


def pause(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.accounts.audit import COMMAND_LINE
    from owa.pausing import pause

    kind, name = _what(arguments, "pause")
    changed = pause(installation, kind, name, COMMAND_LINE, arguments.text("note"))
    output.say(f"The {kind} {name} {'is paused' if changed else 'was paused already'}, until cmd=resume {kind}={name}.")
    output.document({kind: name, "paused": True, "changed": changed})
    return DONE


def resume(installation: Installation, arguments: Arguments, output: Output) -> int:
    from owa.accounts.audit import COMMAND_LINE
    from owa.pausing import resume

    kind, name = _what(arguments, "resume")
    ended = resume(installation, kind, name, COMMAND_LINE)
    output.say(f"The {kind} {name} goes on." if ended else f"The {kind} {name} was not paused.")
    output.document({kind: name, "paused": False, "changed": ended is not None})
    return DONE


def _what(arguments: Arguments, command: str) -> tuple[str, str]:
    """`queue` or `job`, and its name."""
    named = [(kind, arguments.text(kind)) for kind in ("queue", "job") if arguments.text(kind)]
    if len(named) > 1:
        raise UsageError(f"queue and job are both given: {command} wants one of them.", "Run it once for each.")
    if not named:
        raise UsageError(f"{command} wants a queue or a job.", f"Such as cmd={command} queue=incoming_tracking_events")
    return named[0]


_WHICH = {"queue": "incoming_tracking_events or processing", "job": "a job of the scheduler, such as clean"}

PAUSE = Command(
    "pause",
    "Let a queue or a job stand still on all servers. Events are still accepted.",
    pause,
    {**_WHICH, "note": "why, for whoever asks"},
)
RESUME = Command("resume", "Let a paused queue or job go on.", resume, _WHICH)

"""The commands, a file for each subject. Each is imported when it is asked for: cron waits for it, time and again."""

from importlib import import_module

from owa.cli.command import Command

_FILES = {
    "install": "install",
    "add-site": "sites",
    "activate": "modules",
    "deactivate": "modules",
    "change-password": "password",
    "processEventQueue": "drain",
    "queue-status": "status",
    "diagnose": "diagnose",
    "pause": "pause",
    "resume": "pause",
    "verify-ledger": "ledger",
    "rebuild-sessions": "rebuild",
    "generate-traffic": "traffic",
}
"""OWA's own, in the order in which help shows them, and where they are. Modules contribute others."""

NAMES = tuple(_FILES)


def find_command(name: str) -> Command | None:
    """OWA's own command of that name, if there is one."""
    file = _FILES.get(name)
    if file is None:
        return None
    own = vars(import_module(f"{__name__}.{file}")).values()
    return next(item for item in own if isinstance(item, Command) and item.name == name)


def all_commands() -> tuple[Command, ...]:
    """OWA's own."""
    return tuple(filter(None, map(find_command, NAMES)))

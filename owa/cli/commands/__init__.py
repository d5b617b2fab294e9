"""The commands, a file for each subject."""

from owa.cli.command import Command
from owa.cli.commands.diagnose import DIAGNOSE
from owa.cli.commands.drain import PROCESS_EVENT_QUEUE
from owa.cli.commands.install import INSTALL
from owa.cli.commands.ledger import VERIFY_LEDGER
from owa.cli.commands.modules import ACTIVATE, DEACTIVATE
from owa.cli.commands.password import CHANGE_PASSWORD
from owa.cli.commands.pause import PAUSE, RESUME
from owa.cli.commands.rebuild import REBUILD_SESSIONS
from owa.cli.commands.sites import ADD_SITE
from owa.cli.commands.status import QUEUE_STATUS
from owa.cli.commands.traffic import GENERATE_TRAFFIC

COMMANDS: tuple[Command, ...] = (
    INSTALL,
    ADD_SITE,
    ACTIVATE,
    DEACTIVATE,
    CHANGE_PASSWORD,
    PROCESS_EVENT_QUEUE,
    QUEUE_STATUS,
    DIAGNOSE,
    PAUSE,
    RESUME,
    VERIFY_LEDGER,
    REBUILD_SESSIONS,
    GENERATE_TRAFFIC,
)
"""OWA's own, in the order in which help shows them. Modules contribute others."""

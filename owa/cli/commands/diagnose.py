"""`cmd=diagnose`: why does it not move?"""

from owa.app import Installation, scene_without
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.diagnosis import Diagnosis, diagnose
from owa.errors import OwaError
from owa.exchange.settings import SERVER_NUMBER
from owa.tracking.guids import Guids


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    verifies = arguments.switch("ledger")
    server = installation.configuration.current().settings[SERVER_NUMBER]
    guids = Guids(installation.data_dir / "slots", server, installation.clock)
    try:
        return _told(diagnose(installation.scene(guids.next, verifies_ledger=verifies)), output)
    finally:
        guids.close()


def run_closed(error: OwaError, _arguments: Arguments, output: Output) -> int:
    """Where OWA cannot be opened."""
    return _told(diagnose(scene_without(error)), output)


def _told(diagnosis: Diagnosis, output: Output) -> int:
    output.document(diagnosis.document())
    for check in diagnosis.checks:
        output.say(f"{check.verdict.value:8} {check.name:13} {check.finding}")
    first = diagnosis.first_broken
    if first is None:
        return DONE
    if not output.json:
        output.problem(f"First broken: {first.name}. {first.finding} {first.remedy}".rstrip())
    return TROUBLE


DIAGNOSE = Command(
    "diagnose",
    "Say why it does not move: walk the chain that an event travels, name the first broken link and what mends it.",
    run,
    {"ledger": "1: also verify the ledger, which counts all rows"},
    run_closed,
)

"""`cmd=generate-traffic`."""

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.db.bulk import chunks
from owa.errors import UsageError
from owa.events import Event
from owa.testing.traffic import Plan, generate, request_parameters

TIMEOUT = 10.0
"""Seconds that a server may take to answer."""


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    sites = tuple(installation.configuration.current().sites)
    if not sites:
        raise UsageError("No site is registered.", "Add one with cmd=add-site first.")
    count, seed = arguments.number("events"), arguments.number("seed", 1)
    if not count:
        raise UsageError("generate-traffic wants events=N.", "Such as events=1000")
    events = generate(Plan(int(count), sites, int(seed or 0)))
    url = arguments.text("url")
    with output.progress("generate-traffic", len(events)) as progress:
        taken = 0
        for part in chunks(events):
            taken += _send(url, part) if url else _put(installation, part)
            progress(len(part))
    output.say(f"{taken} of {len(events)} events were taken.")
    output.document({"events": len(events), "taken": taken})
    return DONE if taken == len(events) else TROUBLE


def _put(installation: Installation, events: list[Event]) -> int:
    installation.incoming.put(events)
    return len(events)


def _send(url: str, events: list[Event]) -> int:
    """As HTTP requests, over a kept connection. Returns how many were answered with 2xx."""
    import requests  # takes a while to import, and cron imports all commands

    address = url if url.endswith("log.php") else url.rstrip("/") + "/log.php"
    taken = 0
    with requests.Session() as session:
        for event in events:
            agent = {"User-Agent": str(event.properties["HTTP_USER_AGENT"])}
            try:
                answer = session.post(address, data=request_parameters(event), headers=agent, timeout=TIMEOUT)
            except requests.RequestException as error:
                raise UsageError(f"{address} does not answer: {error}.", "Give the url= of a running OWA.") from error
            taken += answer.ok
    return taken


GENERATE_TRAFFIC = Command(
    "generate-traffic",
    "Make page views of invented visitors of all registered sites: to try an installation, never on a real one.",
    run,
    {
        "events": "how many",
        "seed": "the same number makes the same traffic; default 1",
        "url": "send them to this OWA as HTTP requests; default: put them on this one's queue",
    },
)

"""`cmd=generate-traffic`."""

from collections.abc import Iterator

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.db.bulk import chunks
from owa.errors import OwaError, UsageError
from owa.events import Event
from owa.exchange.settings import SERVER_NUMBER
from owa.testing.traffic import Plan, deliver, request_parameters

TIMEOUT = 10.0
"""Seconds that a server may take to answer."""


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    events = [delivery.event for delivery in deliver(_plan(installation, arguments))]
    url = arguments.text("url")
    if not url:  # where nobody handles them, as with domstream off, log.php would refuse them
        events = [event for event in events if event.event_type in installation.handlers.event_types()]
    sent = _send(url, events) if url else _put(installation, events)
    taken, trouble = 0, ""
    with output.progress("generate-traffic", len(events)) as progress:
        try:
            for count in sent:
                taken += count
                progress(1)
        except OwaError as error:
            trouble = str(error)
    output.say(f"{taken} of {len(events)} events were taken.")
    output.document({"events": len(events), "taken": taken})
    if trouble:
        output.problem(f"{taken} of {len(events)} events were taken, then: {trouble}")
    return DONE if taken == len(events) else TROUBLE


def _plan(installation: Installation, arguments: Arguments) -> Plan:
    configuration = installation.configuration.current()
    if not configuration.sites:
        raise UsageError("No site is registered.", "Add one with cmd=add-site first.")
    count = int(arguments.number("events") or 0)
    if not count:
        raise UsageError("generate-traffic wants events=N.", "Such as events=1000")
    return Plan(
        count,
        tuple(configuration.sites),
        seed=int(arguments.number("seed", 1) or 0),
        servers=max(1, int(arguments.number("servers", 1) or 1)),
        first_server=configuration.settings[SERVER_NUMBER],
        duplicates=min(1.0, (arguments.number("duplicates", 0) or 0) / 100),
        skew=arguments.number("skew", 0) or 0,
        families=_families(arguments.text("families")),
    )


def _families(word: str) -> bool:
    """Whether events of all families are wanted."""
    if word not in ("", "all"):
        raise UsageError(f"generate-traffic knows no families={word}.", "Say families=all, or leave it out.")
    return word == "all"


def _put(installation: Installation, events: list[Event]) -> Iterator[int]:
    """One by one, how many were taken."""
    for part in chunks(events):
        installation.incoming.put(part)
        yield from (1 for _ in part)


def _send(url: str, events: list[Event]) -> Iterator[int]:
    """As HTTP requests, over a kept connection. One by one, 1 for each that was answered with 2xx."""
    import requests  # takes a while to import, and cron imports all commands

    address = url if url.endswith("log.php") else url.rstrip("/") + "/log.php"
    with requests.Session() as session:
        for event in events:
            agent = {"User-Agent": str(event.properties["HTTP_USER_AGENT"])}
            try:
                answer = session.post(address, data=request_parameters(event), headers=agent, timeout=TIMEOUT)
            except requests.RequestException as error:
                raise OwaError(f"{address} does not answer: {error}.", "Give the url= of a running OWA.") from error
            yield int(answer.ok)


GENERATE_TRAFFIC = Command(
    "generate-traffic",
    "Make page views of invented visitors of all registered sites: to try an installation, never on a real one.",
    run,
    {
        "events": "how many",
        "seed": "the same number makes the same traffic; default 1",
        "servers": "as if so many servers had collected it, this one's number first; default 1",
        "duplicates": "percent of the events that come twice; default 0",
        "skew": "seconds by which the servers' clocks may be off; default 0",
        "families": "all: visitors also act, click, buy and read feeds; default: they only view pages",
        "url": "send them to this OWA as HTTP requests; default: put them on this one's queue",
    },
)

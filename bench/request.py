"""The tracking request in process, without a server, in asynchronous mode with all checks: against the idiomatic view.

What both must do is taken off on both sides: each side's checks alone, on parameters that are ready.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bench.installation import SITE_ID, installed
from bench.measuring import Figure, Pairs, Result, Size, check, in_turn
from bench.requests import KINDS, Environ, environs
from bench.yardsticks import checks as yardstick
from bench.yardsticks.pyramid_view import make_application
from owa.app import Installation
from owa.queues.append import Appender
from owa.queues.numbering import Numbering
from owa.testing.traffic import PAGE_VIEW, Plan, generate
from owa.tracking import preprocess
from owa.tracking.parameters import parameters
from owa.tracking.quick import quick_parameters
from owa.views import make_wsgi_app

REQUESTS = 1_000
WARMING = 50
ROUNDS = 7

T = TypeVar("T")
Answer = Callable[[Environ, Any], Iterable[bytes]]


def measure_request(folder: Path, size: Size) -> Result:
    """CPU time of an application's call. Raises `NotDone` when an event is missing."""
    count, rounds = size.of(REQUESTS, 50), size.times(ROUNDS)
    with serving(folder / "owa") as (installation, application):
        _our_checks(installation, count), _checks(count)  # user agents are parsed the first time
        shared = in_turn(rounds, lambda _number: _our_checks(installation, count), lambda _number: _checks(count))
        figures = [Figure("checks alone", "OWA", "idiomatic view", "µs", shared)]
        own = figures[0].medians
        for kind in KINDS:
            pairs = _of_kind(kind, installation, application, folder, count, rounds)
            beyond = tuple((ours - own[0], theirs - own[1]) for ours, theirs in pairs)
            figures += [
                Figure(f"{kind}, whole call", "OWA", "idiomatic view", "µs", pairs),
                Figure(f"{kind}, beyond the checks", "OWA", "idiomatic view", "µs", beyond, "at most 0.15"),
            ]
        return Result(tuple(figures), stages(installation, application, count))


def _of_kind(
    kind: str, installation: Installation, application: Answer, folder: Path, count: int, rounds: int
) -> Pairs:
    lines = folder / f"{kind}.txt"
    view = make_application(lines, {SITE_ID}, {PAGE_VIEW})
    for warm in (application, view):
        cpu(warm, list(environs(kind, WARMING)), kind)
    before = installation.incoming.status().depth
    pairs = in_turn(
        rounds,
        lambda _number: cpu(application, list(environs(kind, count)), kind),
        lambda _number: cpu(view, list(environs(kind, count)), kind),
    )
    check(installation.incoming.status().depth - before, count * rounds, "events queued")
    check(lines.read_bytes().count(b"\n"), count * rounds + WARMING, "lines of the view")
    return pairs


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[Installation, Any]]:
    """(installation, application) in asynchronous mode, nothing else going on."""
    given = {"OWA_QUEUE_EVENTS": "1", "OWA_SCHEDULER": "0", **environment}
    with installed(folder, **given) as installation:
        application = make_wsgi_app(installation)
        try:
            yield installation, application
        finally:
            application.registry["owa"].stop()


def cpu(application: Answer, requests: list[Environ], kind: str) -> float:
    """Microseconds of CPU for a request. Raises `NotDone` when one is not answered as it should be."""
    statuses: list[str] = []

    def start_response(status: str, _headers: Any) -> None:
        statuses.append(status)

    started = time.process_time()
    for environ in requests:
        b"".join(application(environ, start_response))
    elapsed = time.process_time() - started
    wanted = "200 OK" if kind == "pixel" else "204 No Content"
    check(set(statuses), {wanted}, "answers")
    return elapsed / len(requests) * 1e6


def _our_checks(installation: Installation, count: int) -> float:
    configuration = installation.configuration.current()
    rules = preprocess.Rules(configuration)
    accepted = installation.handlers.event_types()
    given = [(parameters(environ), environ) for environ in environs("pixel", count)]
    started = time.process_time()
    for properties, environ in given:
        preprocess.identify(properties, accepted, rules.sites)
        preprocess.add_environment(properties, environ, rules)
    return (time.process_time() - started) / count * 1e6


def _checks(count: int) -> float:
    given = [(parameters(environ), environ) for environ in environs("pixel", count)]
    started = time.process_time()
    for properties, environ in given:
        yardstick.check(properties, {PAGE_VIEW}, {SITE_ID})
        yardstick.seen(environ, (), ())
    return (time.process_time() - started) / count * 1e6


def stages(installation: Installation, application: Answer, count: int) -> dict[str, float]:
    """Microseconds of each stage of a pixel's request, measured one after the other, each alone."""
    requests = list(environs("pixel", count))
    sent = [quick_parameters(environ) or {} for environ in requests]
    events = generate(Plan(count, (SITE_ID,)))
    numbering = Numbering(installation.queue_dir)
    records = [numbering.encode([event]) for event in events]
    appender = Appender(installation.queue_dir / "profile.txt", fsync=False)
    whole = cpu(application, requests, "pixel")
    found = {
        "parse": _each(quick_parameters, list(environs("pixel", count))),
        "checks": _our_checks(installation, count),
        "encode": _each(lambda event: numbering.encode([event]), events),
        "append": _each(appender.write, records),
    }
    appender.close()
    check(len([one for one in sent if one]), count, "requests read")
    return {**found, "the rest, and the answer": whole - sum(found.values()), "whole": whole}


def _each(function: Callable[[T], object], items: Sequence[T]) -> float:
    started = time.process_time()
    for item in items:
        function(item)
    return (time.process_time() - started) / len(items) * 1e6

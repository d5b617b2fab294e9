"""Builds both installations, and compares all pages. Ends with 1 when one is too slow or wrong."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.scale.building import build, opened
from bench.scale.commands import COMMANDS, COMMANDS_FLOOR
from bench.scale.measuring import FLOOR, MOST, Browser, Measured, compare
from bench.scale.pages import known, pages
from bench.scale.sizes import Size
from owa.app import Installation
from owa.views import make_wsgi_app


def main() -> int:
    asked = _arguments()
    if asked.folder:
        asked.folder.mkdir(parents=True, exist_ok=True)
        return _run(asked.folder, asked)
    with TemporaryDirectory(prefix="owa-scale-") as folder:
        return _run(Path(folder), asked)


def _run(folder: Path, asked: argparse.Namespace) -> int:
    with ExitStack() as stack:
        urls = build(folder, Size(asked.queued), _say, stack, postgresql=asked.postgresql)
        if asked.only_build:
            return 0
        both = [stack.enter_context(opened(folder / name, url)) for name, url in urls.items()]
        measured = list(_measure(both, asked))
    _tell(measured)
    bad = [one for one in measured if one.is_too_slow or one.problem]
    for one in bad:
        print(f"{one.name}: {one.problem or f'{one.ratio:.2f} times as slow'}", file=sys.stderr)
    return 1 if bad else 0


def _measure(both: list[Installation], asked: argparse.Namespace) -> Iterator[Measured]:
    routers = [make_wsgi_app(one) for one in both]
    try:
        lists = [pages(router, known(one)) for router, one in zip(routers, both, strict=True)]
        browsers = [Browser(router, one) for router, one in zip(routers, both, strict=True)]
        asks: list[tuple[str, list[Callable[[], str]]]] = [
            (each[0].path, [partial(browser.get, page) for browser, page in zip(browsers, each, strict=True)])
            for each in zip(*lists, strict=True)
        ]
        asks += [(name, [partial(command, one) for one in both]) for name, command in COMMANDS.items()]
        clock = time.thread_time if asked.cpu else time.perf_counter
        for name, do in asks:
            if asked.only in name:
                floor = COMMANDS_FLOOR if name in COMMANDS else FLOOR
                measured = compare(name, do, asked.rounds, clock, floor)
                _say(_line(measured))
                yield measured
    finally:
        for router in routers:
            router.registry["owa"].stop()


def _tell(measured: list[Measured]) -> None:
    print(f"{'median, ms':62}{'small':>8}{'great':>8}{'ratio':>7}   least to greatest of the great")
    for one in sorted(measured, key=lambda one: -one.ratio):
        print(_line(one))
    print(f"At most {MOST:g} times is well, or {FLOOR * 1e3:g} ms more.")


def _line(one: Measured) -> str:
    mark = f"! {one.problem}" if one.is_too_slow or one.problem else ""
    spread = f"{min(one.great) * 1e3:.1f} to {max(one.great) * 1e3:.1f}"
    figures = f"{median(one.small) * 1e3:>8.1f}{median(one.great) * 1e3:>8.1f}{one.ratio:>7.2f}"
    return f"{one.name[:60]:62}{figures}   {spread} {mark}".rstrip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--queued", type=int, default=1_000_000, help="events in queues of the great one")
    parser.add_argument("--rounds", type=int, default=9, help="how often each page is timed")
    parser.add_argument("--folder", type=Path, help="build there, or use what was built there; else in a temporary one")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of the tests, instead of SQLite")
    parser.add_argument("--cpu", action="store_true", help="processor time, where others use the machine too")
    parser.add_argument("--only", default="", help="only what has this in its address")
    parser.add_argument("--only-build", action="store_true", help="measure nothing")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench [NAME…] [--quick]`: measures, prints a table, and writes `bench/results/`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.catalogue import BENCHMARKS
from bench.measuring import FULL, QUICK, Absent, Result, Size
from bench.reporting import RESULTS, document, table, write

Benchmark = Callable[[Path, Size], Result]


def main(words: Sequence[str] | None = None) -> int:
    """0: all was measured, or is absent here. 1: something was not done."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"default: all of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="with little work, to see whether all runs")
    parser.add_argument("--results", type=Path, default=None, help="folder of the files (with --quick: none)")
    given = parser.parse_args(words)
    if unknown := set(given.name) - set(BENCHMARKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chosen = {name: measure for name, measure in BENCHMARKS.items() if name in (given.name or BENCHMARKS)}
    folder = given.results or (None if given.quick else RESULTS)
    return run(chosen, QUICK if given.quick else FULL, folder)


def run(chosen: Mapping[str, Benchmark], size: Size, folder: Path | None) -> int:
    """One after the other. What fails is told, and nothing is written of it; the others are measured all the same."""
    results, failed = [], False
    for name, measure in chosen.items():
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            with TemporaryDirectory() as scratch:
                results.append(document(name, measure(Path(scratch), size)))
            if folder:
                write(folder, results[-1])
        except Absent as absent:
            print(f"SKIPPED {name}: {absent}", file=sys.stderr)
        except Exception as error:
            failed = True
            print(f"FAILED {name}: {type(error).__name__}: {error}", file=sys.stderr)
    print(table(results))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

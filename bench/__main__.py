"""Runs all benchmarks and prints a table."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.drain import measure_drain
from bench.hot_session import measure_hot_session, measure_hot_session_that_waited
from bench.remote import measure_remote
from bench.tracking import measure_tracking

Measure = Callable[[Path], tuple[float, float]]

BENCHMARKS: tuple[tuple[str, Measure, int], ...] = (
    ("tracking request", measure_tracking, 5),
    ("drain", measure_drain, 5),
    ("hot session", measure_hot_session, 3),
    ("receiver dead, alive", measure_remote, 3),
    ("hot session that waited", measure_hot_session_that_waited, 3),
)
"""Each with its number of rounds."""


def main() -> None:
    print("CPU time per event, median of the rounds")
    print(f"{'':26}{'OWA, us':>10}{'bare, us':>10}{'bare/OWA':>10}   (least to greatest)")
    for name, measure, rounds in BENCHMARKS:
        with TemporaryDirectory() as folder:
            pairs = [measure(Path(folder) / str(number)) for number in range(rounds)]
        ours, bare = (median(pair[side] for pair in pairs) for side in (0, 1))
        ratios = sorted(pair[1] / pair[0] for pair in pairs)
        print(
            f"{name:26}{ours * 1e6:>10.1f}{bare * 1e6:>10.1f}{median(ratios):>10.3f}"
            f"   ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        )
    print("bare tracking request: append the raw query to a file. bare drain: insert the finished request rows.")
    print("receiver dead, alive: the request of a server that forwards, by the clock; bare: with the receiver alive.")
    print("bare hot session: the same page views, each (each two) a session of their own.")


if __name__ == "__main__":
    main()

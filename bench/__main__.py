"""Runs all benchmarks and prints a table."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.drain import measure_drain
from bench.tracking import measure_tracking

ROUNDS = 5


def main() -> None:
    rows = []
    for name, measure in (("tracking request", measure_tracking), ("drain", measure_drain)):
        with TemporaryDirectory() as folder:
            pairs = [measure(Path(folder) / str(number)) for number in range(ROUNDS)]
        ours, bare = (median(pair[side] for pair in pairs) for side in (0, 1))
        ratios = sorted(pair[1] / pair[0] for pair in pairs)
        rows.append((name, ours * 1e6, bare * 1e6, median(ratios), ratios[0], ratios[-1]))
    print("CPU time per event, median of", ROUNDS, "rounds")
    print(f"{'':20}{'OWA, us':>10}{'bare, us':>10}{'bare/OWA':>10}   (least to greatest)")
    for name, ours, bare, ratio, least, greatest in rows:
        print(f"{name:20}{ours:>10.1f}{bare:>10.1f}{ratio:>10.3f}   ({least:.3f} to {greatest:.3f})")
    print("bare tracking request: append the raw query to a file. bare drain: insert the finished request rows.")


if __name__ == "__main__":
    main()

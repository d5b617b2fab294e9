"""All benchmarks, by name."""

from collections.abc import Callable
from pathlib import Path

from bench.measuring import Result, Size
from bench.request import measure_request

BENCHMARKS: dict[str, Callable[[Path, Size], Result]] = {
    "request": measure_request,
}

"""All benchmarks, by name."""

from collections.abc import Callable
from pathlib import Path

from bench.drain import measure_drain, measure_growth
from bench.drain_memory import measure_drain_memory
from bench.durability import measure_durability
from bench.hot_session import measure_hot_session
from bench.idle import measure_idle
from bench.measuring import Result, Size
from bench.memory import measure_memory
from bench.quiet import measure_quiet
from bench.remote import measure_remote
from bench.request import measure_request
from bench.serving import measure_capacity, measure_latency
from bench.synchronous import measure_synchronous

BENCHMARKS: dict[str, Callable[[Path, Size], Result]] = {
    "request": measure_request,
    "capacity": measure_capacity,
    "latency": measure_latency,
    "memory": measure_memory,
    "durability": measure_durability,
    "drain": measure_drain,
    "growth": measure_growth,
    "drain-memory": measure_drain_memory,
    "quiet": measure_quiet,
    "synchronous": measure_synchronous,
    "idle": measure_idle,
    "hot-session": measure_hot_session,
    "remote": measure_remote,
}

"""Prometheus' text format, version 0.0.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its samples."""

    name: str
    kind: str
    """`gauge` or `counter`."""
    help: str
    samples: Iterable[tuple[Mapping[str, str], float]]
    """Labels with a value."""


def exposition(metrics: Iterable[Metric]) -> str:
    """All metrics as text. One without samples is named all the same."""
    return "".join(f"{line}\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {metric.name} {help_text}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, value in metric.samples:
        pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{metric.name}{{{pairs}}} {value}" if pairs else f"{metric.name} {value}"


def _escaped(text: str) -> str:
    storable = text.encode(errors="replace").decode()
    return storable.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

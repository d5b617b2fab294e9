"""Results as files: JSON for programs, a Markdown table for people."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench.measuring import Figure, Result

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """What ran it, in a few words: rates belong to a machine."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' * (cores > 1)}, Python {platform.python_version()}"


def write(folder: Path, name: str, result: Result) -> None:
    """`NAME.json` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "benchmark": name,
        "machine": machine(),
        "figures": [figure.document() for figure in result.figures],
        "profile_us": result.profile,
        "notes": list(result.notes),
    }
    (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def table(results: Mapping[str, Result]) -> str:
    """Markdown: a row for each figure, then the profiles and notes."""
    lines = [
        f"Machine: {machine()}. Ratios are medians of the rounds, with the least and the greatest.",
        "",
        "| what | ours | | other | | ratio | least to greatest | goal |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(figure) for result in results.values() for figure in result.figures),
    ]
    for name, result in results.items():
        lines += ["", f"{name}, by stage, in µs: {_stages(result.profile)}."] if result.profile else []
        lines += ["", *(f"{name}: {note}" for note in result.notes)] if result.notes else []
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> str:
    ours, theirs = figure.medians
    ratios = figure.ratios
    return (
        f"| {figure.name} | {figure.ours} | {_number(ours)} {figure.unit} | {figure.theirs} | {_number(theirs)} "
        f"{figure.unit} | **{median(ratios):.3f}** | {ratios[0]:.3f} to {ratios[-1]:.3f} | {figure.goal} |"
    )


def _stages(profile: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {value:.1f}" for stage, value in profile.items())


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.4f}"

"""Results as files: JSON for programs, a Markdown table for people."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.measuring import Result

Document = Mapping[str, Any]
"""As JSON has it."""

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """What ran it, in a few words: rates belong to a machine."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' * (cores > 1)}, Python {platform.python_version()}"


def document(name: str, result: Result) -> Document:
    """What a file holds of a benchmark."""
    return {
        "benchmark": name,
        "machine": machine(),
        "figures": [figure.document() for figure in result.figures],
        "profile_us": result.profile,
        "notes": list(result.notes),
    }


def write(folder: Path, written: Document) -> None:
    """`NAME.json` in `folder`, and `table.md` of all that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{written['benchmark']}.json").write_text(json.dumps(written, indent=2) + "\n")
    known = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    (folder / "table.md").write_text(table(known))


def table(documents: Sequence[Document]) -> str:
    """Markdown: a row for each figure, then the profiles and notes."""
    machines = ", ".join(dict.fromkeys(document["machine"] for document in documents))
    lines = [
        f"Machine: {machines}. Ratios are medians of the rounds, with the least and the greatest.",
        "",
        "| benchmark | what | ours | | other | | ratio | least to greatest | goal |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(document["benchmark"], figure) for document in documents for figure in document["figures"]),
    ]
    for found in documents:
        name, profile, notes = found["benchmark"], found["profile_us"], found["notes"]
        lines += ["", f"{name}, by stage, in µs: {_stages(profile)}."] if profile else []
        lines += ["", *(f"{name}: {note}" for note in notes)] if notes else []
    return "\n".join(lines) + "\n"


def _row(name: str, figure: Document) -> str:
    ours, theirs, ratio, unit = figure["ours"], figure["theirs"], figure["ratio"], figure["unit"]
    return (
        f"| {name} | {figure['name']} | {ours['what']} | {_number(ours['median'])} {unit} | {theirs['what']} "
        f"| {_number(theirs['median'])} {unit} | **{ratio['median']:.3f}** "
        f"| {ratio['least']:.3f} to {ratio['greatest']:.3f} | {figure['goal']} |"
    )


def _stages(profile: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {value:.1f}" for stage, value in profile.items())


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.4f}"

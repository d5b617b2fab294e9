"""The payload of an event, to be read by a person."""

import json
from typing import Any

LONGEST = 300
"""Characters of a value that are shown at first."""


def pretty(payload: bytes, *, whole: bool) -> tuple[str, bool]:
    """Indented JSON, or, when it is none, the bytes as text; and whether something was cut. `whole`: cut nothing."""
    cutter = _Cutter(None if whole else LONGEST)
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return cutter.cut(payload.decode(errors="replace")), cutter.has_cut
    text = json.dumps(cutter.cut(document), indent=2, ensure_ascii=False)
    return text.encode(errors="replace").decode(), cutter.has_cut


class _Cutter:
    """Shortens long texts, however deep they are."""

    def __init__(self, longest: int | None) -> None:
        self._longest = longest
        self.has_cut = False

    def cut(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.cut(name): self.cut(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.cut(part) for part in value]
        if not isinstance(value, str) or self._longest is None or len(value) <= self._longest:
            return value
        self.has_cut = True
        return f"{value[: self._longest]}… ({len(value)} characters)"

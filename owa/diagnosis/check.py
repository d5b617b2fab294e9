"""What is told of a link of the chain that an event travels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from owa.diagnosis.scene import Scene


class Verdict(StrEnum):
    """How a link is."""

    WELL = "ok"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """It was not looked at, or could not be for something that another link tells."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of it."""

    verdict: Verdict
    text: str
    remedy: str = ""
    """What mends it: a command, or a page with its button."""
    module: str = ""
    """Whose check has found it; empty: OWA's own."""
    check: str = ""
    """Which one of that module."""
    comes_of: tuple[str, ...] = ()
    """Links further down the chain that cause it where they are broken: then the first of these is to be mended."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the chain."""

    name: str
    looks_at: str
    look: "Callable[[Scene], list[Finding]]"
    """May raise anything. Of what is broken, the worst comes first; empty: all is well, and there is no more to say."""


@dataclass(frozen=True, slots=True)
class Check:
    """A link that was looked at."""

    name: str
    looks_at: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        verdicts = [finding.verdict for finding in self.findings]
        return next((one for one in (Verdict.BROKEN, Verdict.UNKNOWN) if one in verdicts), Verdict.WELL)

    @property
    def finding(self) -> str:
        return " ".join(finding.text for finding in self.told)

    @property
    def remedy(self) -> str:
        """Of each finding; a command stands alone, so that it can be copied."""
        remedies = list(dict.fromkeys(finding.remedy for finding in self.told if finding.remedy))
        return remedies[0] if len(remedies) == 1 else " ".join(f"{one.rstrip('.')}." for one in remedies)

    @property
    def is_broken(self) -> bool:
        return self.verdict is Verdict.BROKEN

    @property
    def told(self) -> list[Finding]:
        """Those that made the verdict."""
        return [finding for finding in self.findings if finding.verdict is self.verdict]

    def document(self) -> Mapping[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "looks_at": self.looks_at,
            "verdict": self.verdict.value,
            "finding": self.finding,
            "remedy": self.remedy,
        }


def well(text: str) -> list[Finding]:
    return [Finding(Verdict.WELL, text)]


def broken(text: str, remedy: str, *, comes_of: tuple[str, ...] = ()) -> list[Finding]:
    return [Finding(Verdict.BROKEN, text, remedy, comes_of=comes_of)]


def unknown(text: str) -> list[Finding]:
    return [Finding(Verdict.UNKNOWN, text)]

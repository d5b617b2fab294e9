"""Why does it not move? The chain that an event travels is walked, and the first broken link is named with what mends
it. The dashboard, the banner on the admin's pages, `cmd=diagnose`, `cmd=queue-status` and `/health` all tell this."""

from owa.diagnosis.chain import CHAIN, EVENTS, MODULES, Diagnosis, diagnose, look_at
from owa.diagnosis.check import Check, Finding, Verdict
from owa.diagnosis.scene import Folders, Scene

__all__ = [
    "CHAIN",
    "EVENTS",
    "MODULES",
    "Check",
    "Diagnosis",
    "Finding",
    "Folders",
    "Scene",
    "Verdict",
    "diagnose",
    "look_at",
]

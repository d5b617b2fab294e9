"""Runs the checks that modules contribute, each in a thread of its own: one that hangs is told, and waited for no
longer."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from owa.admin_contributions import HealthCheck, ModuleContext, Problem
from owa.db.modules import Switch
from owa.errors import ModuleFailed, OwaError
from owa.isolation import Isolation
from owa.registry import Loaded, Registry

BROKEN = "that it works"
"""What is looked at of each module."""

PATIENCE = 2.0
"""Seconds that all checks together may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and whose check has found it."""

    module: str
    check: str
    text: str
    remedy: str


class _Run(threading.Thread):
    """One run of a check. A daemon: it keeps no process from ending."""

    def __init__(self, look: Callable[[], Problem | None]) -> None:
        super().__init__(name="owa-check", daemon=True)
        self._look = look
        self.problem: Problem | None = None

    def run(self) -> None:
        try:
            self.problem = self._look()
        except ModuleFailed as error:
            self.problem = Problem(error.message, error.remedy)
        except OwaError:
            pass  # something that it needs is away, which is told elsewhere


class Health:
    """The checks of the modules that are on. Safe to share between threads."""

    def __init__(
        self,
        registry: Callable[[], Registry],
        isolation: Isolation,
        context: Callable[[], ModuleContext],
        patience: float = PATIENCE,
    ) -> None:
        self._registry = registry
        self._isolation = isolation
        self._context = context
        self._patience = patience
        self._runs: dict[tuple[str, str], _Run] = {}
        self._lock = threading.Lock()

    def problems(self) -> list[Finding]:
        """What is wrong now, by the modules' names. Takes no longer than `patience`; a check that still runs is not
        begun again."""
        deadline = time.monotonic() + self._patience
        runs = [(module, check, self._run_of(module, check)) for module, check in self._registry().checks]
        found = []
        for module, check, run in runs:
            run.join(max(0.0, deadline - time.monotonic()))
            if problem := self._slow(check) if run.is_alive() else run.problem:
                found.append(Finding(module, check.name, problem.text, problem.remedy))
        return [*_of_modules(self._registry()), *found]

    def _slow(self, check: HealthCheck) -> Problem:
        text = f"The check {check.name!r} has not ended within {self._patience:g} s."
        return Problem(text, "What it looks at does not answer, or its module has a bug.")

    def _run_of(self, module: str, check: HealthCheck) -> _Run:
        """The one that is under way, or a new one."""
        with self._lock:
            run = self._runs.get((module, check.name))
            if run is None or not run.is_alive():
                look = partial(self._isolation.run, module, f"check {check.name}", _checked, check, self._context())
                run = self._runs[module, check.name] = _Run(look)
                run.start()
            return run


def is_broken(loaded: Loaded) -> bool:
    """Whether a module does not do what an admin has switched it on for."""
    return bool(loaded.error and loaded.is_on) or loaded.switch is Switch.TRIPPED


def _of_modules(registry: Registry) -> list[Finding]:
    """Modules that do not do what an admin has switched them on for."""
    found = []
    for loaded in registry.modules.values():
        if not is_broken(loaded):
            continue
        if loaded.switch is not Switch.TRIPPED:
            text = f"The module {loaded.name} is on, and does not work: {loaded.error}"
            found.append(Finding(loaded.name, BROKEN, text, "Mend it, or switch it off, at Settings > Modules."))
        else:
            text = f"The circuit breaker has switched off the module {loaded.name}."
            remedy = (
                "Its last error is at Settings > Modules. Switched on again, it goes on where it stopped: there, or by "
                f"python cli.py cmd=activate module={loaded.name}"
            )
            found.append(Finding(loaded.name, BROKEN, text, remedy))
    return found


def _checked(check: HealthCheck, context: ModuleContext) -> Problem | None:
    problem = check.check(context)
    if problem is not None and not isinstance(problem, Problem):
        raise TypeError(f"A check returns a Problem or None, not {type(problem).__name__}.")
    return problem

"""The jobs that modules contribute."""

from collections.abc import Callable, Mapping
from functools import partial

from owa.admin_contributions import ModuleContext, ScheduledJob
from owa.isolation import Isolation
from owa.processing.runs import Figures, Runs
from owa.registry import Registry
from owa.scheduler.jobs import Job, Scope


def contributed_jobs(
    registry: Registry, isolation: Isolation, runs: Runs, context: Callable[[], ModuleContext]
) -> list[Job]:
    """Those of the modules that are on. Their runs are recorded as OWA's own; what they raise is held against them."""

    def job_of(module: str, job: ScheduledJob) -> Job:
        def work() -> Figures:
            return isolation.run(module, f"job {job.name}", _figures, job.run, context())

        scope = Scope.ALL if job.is_shared else Scope.SERVER
        return Job(job.name, job.interval, scope, partial(runs.clean, job.name, work), contributed=job)

    return [job_of(module, job) for module, job in registry.jobs]


def _figures(run: Callable[[ModuleContext], Mapping[str, int]], context: ModuleContext) -> Figures:
    figures = run(context)
    if not isinstance(figures, Mapping) or not all(
        isinstance(name, str) and isinstance(count, int) for name, count in figures.items()
    ):
        raise TypeError(f"A job returns figures by name, not {figures!a:.100}.")
    return dict(figures)

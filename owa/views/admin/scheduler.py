"""The scheduler: what is done regularly, by whom, and what is paused."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyramid.httpexceptions import HTTPBadRequest, HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa import pausing
from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.db import jobs, pauses
from owa.db.pauses import JOB, QUEUE
from owa.errors import UsageError
from owa.exchange.settings import SERVER_NUMBER
from owa.files import root_folder
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.scheduler.jobs import Scope
from owa.scheduler.now import Begun
from owa.scheduler.overview import JobState, overview
from owa.views.flash import flash
from owa.views.security import actor_of

if TYPE_CHECKING:
    from owa.app import Installation

SHOWN = 50

PATIENCE = 1.0
"""Seconds that a request waits for the job that it began: most are done by then."""

ABOUT = {
    "drain": "The incoming queue of each server.",
    "retry": "What is due in the processing queue: woken and failing events.",
    "deliver": "Gives event handlers of modules what is due to them.",
    "sweep": "Looks for events that wait for something which has come unnoticed.",
    "clean": "Deletes finished rows of the processing queue, old runs and ended logins.",
    "sample": "Notes for the charts how full the incoming queue is.",
    "sample_processing": "Notes for the charts how full the processing queue is.",
    "verify": "Looks whether everything that was taken is somewhere.",
}
"""What OWA's own jobs do."""


@view_defaults(route_name="scheduler", permission=Capability.EDIT_MODULES, http_cache=0)
class SchedulerPage:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._application = request.registry["owa"]
        self._installation: Installation = self._application.installation

    @view_config(request_method="GET", renderer="admin/scheduler.jinja2")
    def show(self) -> dict[str, Any]:
        installation = self._installation
        settings, now = installation.configuration.current().settings, installation.clock.now()
        with installation.database.reading() as connection:
            states = overview(
                connection,
                self._application.all_jobs(),
                installation.queue_dir,
                settings[SERVER_NUMBER],
                now,
                self._application.started_at if settings[SCHEDULER] else None,
            )
            paused = pauses.paused(connection)
            cron = jobs.last(connection, "drain", caller="command")
        known = {state.name for state in states}
        return {
            "jobs": states,
            "about": ABOUT,
            "queues": [(name, paused.get((QUEUE, name))) for name in pausing.QUEUES],
            "strays": [pause for (kind, name), pause in paused.items() if kind == JOB and name not in known],
            "is_on": settings[SCHEDULER],
            "interval": settings[DRAIN_INTERVAL],
            "leaderless": _leaderless(states),
            "is_everywhere": Scope.ALL,
            "cron": cron,
            "cron_line": cron_line(installation),
            "running": self._application.run_now.is_running,
            "now": now,
        }

    @view_config(request_method="POST")
    def act(self) -> Response:
        post = self._request.POST
        match post.get("act"):
            case "pause" | "resume" as act if post.get("kind") in (QUEUE, JOB):
                self._switch(act, post["kind"], post.get("name", ""), post.get("note", "").strip())
            case "run":
                self._run(post.get("name", ""))
            case _:
                raise HTTPBadRequest("The form says neither pause, resume nor run.")
        return HTTPSeeOther(self._request.route_path("scheduler"))

    def _switch(self, act: str, kind: str, name: str, note: str) -> None:
        if act == "resume":
            ended = pausing.resume(self._installation, kind, name, actor_of(self._request))
            flash(self._request, f"The {kind} {name:.100} {'goes on' if ended else 'was not paused'}.")
            return
        try:
            changed = pausing.pause(self._installation, kind, name, actor_of(self._request), note)
        except UsageError as error:
            raise HTTPBadRequest(str(error)) from error
        ends = " A batch that is under way is finished; events are still accepted." if kind == QUEUE else ""
        flash(self._request, f"The {kind} {name} {'is paused' if changed else 'was paused already'}.{ends}")

    def _run(self, name: str) -> None:
        match self._application.run_now.start(name):
            case Begun.UNKNOWN:
                raise HTTPBadRequest(f"There is no job {name!a:.100}.")
            case Begun.STARTED:
                self._record(name)
                outcome = self._application.run_now.outcome(name, PATIENCE)
                flash(self._request, f"{name}: {outcome}" if outcome else f"{name} goes on in the background: reload.")
            case Begun.BUSY:
                flash(self._request, f"{name} is under way at this moment: reload this page.")
            case Begun.HELD:
                self._record(name)
                self._application.wishing.wish(name)
                holder = self._holder(name)
                flash(self._request, f"{name} is asked for: {holder} begins it within seconds. Reload this page then.")

    def _record(self, name: str) -> None:
        with self._installation.database.writing() as connection:
            audit.record(connection, actor_of(self._request), self._installation.clock.now(), "run job", name)

    def _holder(self, name: str) -> str:
        with self._installation.database.reading() as connection:
            owners = {row["job"]: row["owner"] for row in jobs.leases(connection)}
            last = jobs.last(connection, name)
        owner = owners.get(name) or (last.owner if last else "")
        return f"the process {owner}" if owner else "another process of this server"


@view_config(
    route_name="runs",
    request_method="GET",
    renderer="admin/runs.jinja2",
    permission=Capability.EDIT_MODULES,
    http_cache=0,
)
def runs(request: Request) -> dict[str, Any]:
    """The last runs of `job`; `before`: those before the one of that number."""
    installation, job = request.registry["owa"].installation, request.GET.get("job", "")
    if job not in pausing.known_jobs(installation):
        raise HTTPNotFound("There is no such job.")
    before = request.GET.get("before", "")
    number = int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None
    with installation.database.reading() as connection:
        found = jobs.runs_of(connection, job, SHOWN + 1, number)
    older = found[SHOWN - 1][0] if len(found) > SHOWN else None
    return {"job": job, "runs": [run for _, run in found[:SHOWN]], "older": older, "is_first": number is None}


def cron_line(installation: "Installation") -> str:
    """What cron must call, with the paths of this installation."""
    script = root_folder() / "cli.py"
    program = f"{sys.executable} {script}" if script.exists() else str(Path(sys.executable).with_name("owa"))
    return f"* * * * * OWA_DATA_DIR={installation.data_dir.absolute()} {program} cmd=processEventQueue"


def _leaderless(states: list[JobState]) -> list[str]:
    """Jobs that nobody runs although they are due, as far as that can be seen from here."""
    return [state.name for state in states if any(runner.is_overdue for runner in state.runners)]

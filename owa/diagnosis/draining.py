"""The links that move an event: pauses, the lock, drains, the scheduler, cron."""

import time

from sqlalchemy import RowMapping

from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import jobs
from owa.db.jobs import Run
from owa.diagnosis import cadence
from owa.diagnosis.access import user_name
from owa.diagnosis.check import Finding, broken, well
from owa.diagnosis.scene import QUEUE_JOBS, Scene
from owa.diagnosis.words import duration, moment, readable
from owa.files import Holder
from owa.node import Living, has_ended, living
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.settings import QUEUE_EVENTS

STUCK = cadence.MISSING * cadence.CRON_INTERVAL
"""Seconds without progress after which the holder of a drain's lock is taken for stuck."""

DRAIN_NOW = "python cli.py cmd=processEventQueue"


def look_at_pauses(scene: Scene) -> list[Finding]:
    """What an admin has paused."""
    found = scene.pauses
    if not found:
        return well("No admin has paused anything.")
    told = " ".join(readable(str(pause), 400) for pause in found.values())
    kind, name = next(iter(found))
    return broken(told, f"Let it go on at Scheduler (/admin/scheduler), or: python cli.py cmd=resume {kind}={name}")


def look_at_lock(scene: Scene) -> list[Finding]:
    """Who drains now, and whether he gets on."""
    for path, holder in scene.locks:
        who = living(holder.pid) if holder.pid else None
        name = _named(holder, who)
        if who and who.is_stopped:
            text = f"{name} holds {path} and is stopped: nobody else can drain."
            return broken(text, f"Let it go on: kill -CONT {who.pid}; or end it: kill -9 {who.pid} (nothing is lost).")
        still = time.time() - holder.moved_at  # file times are the machine's
        if still > STUCK:
            text = f"{name} holds {path} and has not moved for {duration(round(still * MICROSECONDS))}."
            remedy = f"See what it does, or end it: kill -9 {holder.pid or f'$(fuser {path})'} (nothing is lost)."
            return broken(text, remedy)
    told = [f"{_named(holder, None)} drains." for _, holder in scene.locks]
    return well(" ".join(told) or "Nobody drains at the moment.")


def look_at_drain(scene: Scene) -> list[Finding]:
    """What came of the last drains, and how long they are ago. A silence is told here if the one is there who should
    have drained; else by the link that he is."""
    if scene.outage:
        raise scene.outage  # which is why they are paused
    said = []
    for queue in (INCOMING, PROCESSING):
        last = scene.last_run(queue)
        paused_since = scene.opened.processor.pause.since() if queue == INCOMING else None
        if found := cadence.stopped(queue, last, paused_since):
            return [found]
        if scene.settings[SCHEDULER] and _is_led(scene, queue) and is_silent(scene, queue):
            interval = scene.settings[DRAIN_INTERVAL]
            remedy = f"The scheduler should, every {interval} s: see the web server's log, and restart it."
            return broken(cadence.silence(queue, last, scene.now), remedy, comes_of=("scheduler", "database"))
        said.append(f"{queue}: {_last(last, scene.now)}")
    return well(" ".join(said))


def look_at_scheduler(scene: Scene) -> list[Finding]:
    """Who runs the regular jobs of this server, and those of all."""
    if not scene.settings[SCHEDULER]:
        return well("It is off: cron drains.")
    runner = scene.runner
    who = living(runner.pid) if runner and runner.pid else None
    if runner and who and who.is_stopped:
        text = f"{_named(runner, who)} runs the drains of this server and is stopped."
        return broken(text, f"Let it go on: kill -CONT {who.pid}; or end it: another process takes over.")
    for queue in (INCOMING, PROCESSING):
        if not _is_led(scene, queue) and is_silent(scene, queue) and not _cron_drains(scene):
            text = f"{cadence.silence(queue, scene.last_run(queue), scene.now)} {_who_serves(scene)}"
            remedy = f"Start the web server again (systemctl restart owa, or make run), or drain now: {DRAIN_NOW}"
            return broken(text, remedy, comes_of=("database",))
    leases = [f"{lease['job']}: {lease['owner']}." for lease in _leases(scene)]
    drains = f"drain: {_named(runner, None).rstrip(',')}." if runner else "drain: nobody on this server."
    return well(" ".join([drains, *leases]))


def look_at_cron(scene: Scene) -> list[Finding]:
    """Whether commands drain; without the scheduler they must."""
    seen = scene.last_command
    last = f"A command drained at {moment(seen.started_at)} UTC." if seen else "No command has drained so far."
    if scene.settings[SCHEDULER]:
        return well(f"{last} None is needed: the scheduler is on.")
    for queue in (INCOMING, PROCESSING):
        if is_silent(scene, queue):
            text = f"{cadence.silence(queue, scene.last_run(queue), scene.now)} The scheduler is off, so cron must."
            remedy = f"Let cron call each minute: {DRAIN_NOW} (docs/operations.md). Or set OWA_SCHEDULER=1."
            return broken(text, remedy, comes_of=("database",))
    return well(last)


def is_silent(scene: Scene, queue: str) -> bool:
    """Whether five drains of a queue are missing, and nobody has wished that."""
    if scene.is_paused(queue):
        return False
    last = scene.last_run(queue)
    is_needed = scene.settings[QUEUE_EVENTS]  # else only by what waits
    oldest_at = None if last and is_needed else _oldest_due(scene, queue)
    if not is_needed and oldest_at is None:
        return False
    patience, since = cadence.patience(scene.settings), _expected_since(scene, queue)
    if not cadence.is_silent(last, oldest_at, since, patience, scene.now):
        return False
    return not scene.is_draining(queue)


def _oldest_due(scene: Scene, queue: str) -> int | None:
    """Since when something waits for a drain."""
    if queue == INCOMING:
        return scene.opened.incoming.status().oldest_at
    with scene.opened.database.reading() as connection:
        status = scene.opened.retries.glance(connection, 1)  # is there anything but what waits?
    return None if status.depth == status.details.get("waiting") else status.oldest_at


def _expected_since(scene: Scene, queue: str) -> int | None:
    """When those began to live who should drain."""
    if not scene.settings[SCHEDULER]:
        return None
    started = [round(one.started_at * MICROSECONDS) for one in scene.serving if one.started_at]
    if queue == INCOMING and scene.runner and scene.runner.since:
        started.append(scene.runner.since * MICROSECONDS)
    return max(started, default=None)


def _is_led(scene: Scene, queue: str) -> bool:
    """Whether a process that lives has the job that drains it."""
    if queue == INCOMING:
        return scene.runner is not None
    leases = [lease for lease in _leases(scene) if lease["job"] == QUEUE_JOBS[queue]]
    return any(lease["until"] > scene.now and not has_ended(lease["owner"]) for lease in leases)


def _cron_drains(scene: Scene) -> bool:
    last, patience = scene.last_command, cadence.MISSING * cadence.CRON_INTERVAL * MICROSECONDS
    return last is not None and scene.now - cadence.ended_at(last) <= patience


def _who_serves(scene: Scene) -> str:
    if not scene.serving:
        return "No web process of OWA runs on this server."
    numbers = ", ".join(str(one.pid) for one in scene.serving)
    return f"Web processes run here ({numbers}), and none of them runs the job."


def _leases(scene: Scene) -> list[RowMapping]:
    with scene.opened.database.reading() as connection:
        return jobs.leases(connection)


def _last(last: Run | None, now: int) -> str:
    if last is None:
        return "no drain so far, and none was needed."
    return f"the last drain was {duration(max(0, now - last.started_at))} ago, by {last.caller} {last.owner}."


def _named(holder: Holder, who: Living | None) -> str:
    if not holder.pid:
        return "Somebody (its number is not known)"
    since = moment(holder.since * MICROSECONDS) if holder.since else "?"
    user = f" of {user_name(who.user)}" if who and who.user is not None else ""
    command = f" ({who.command})" if who and who.command else ""
    return f"Process {holder.pid}{user}{command}, since {since} UTC,"

"""The links that store an event: what fails, the database, the modules, the clocks, the ledger."""

import shutil
from contextlib import suppress
from weakref import WeakSet

from owa.analytics.counting import count_facts
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING
from owa.db.engine import Database
from owa.db.ledger import stored_lines
from owa.db.senders import senders
from owa.db.shape import lacks
from owa.diagnosis.check import Finding, Verdict, broken, unknown, well
from owa.diagnosis.scene import NotOpened, Scene
from owa.diagnosis.words import count, duration, moment, readable
from owa.errors import DatabaseUnavailable, HeldByAnother, NotInstalled
from owa.health import is_broken
from owa.masking import brief, masked_text
from owa.processing.ledger import Ledger
from owa.processing.verifying import keep
from owa.queues.contract import State, Trouble
from owa.registry import Registry

MOST_COUNTED = 10_000
"""Events that are counted; of more it is only said that there are more."""

LONGEST_ERROR = 300
"""Characters of an event's error that are shown."""

LONGEST_TOLD = 2_000
"""Characters of what a module's check has found."""

PATIENCE = 2.0
"""Seconds that a trial waits for the database's lock."""

FREE = "Free some space. What is queued stays queued. python cli.py cmd=prune-event-queue-archives"

LEAST_SPACE = 1 << 20
"""Bytes. Less than a batch takes."""

MOST_LACKS = 3
"""Tables that are named."""

LEDGER_PATIENCE = 10.0
"""Seconds that the ledger waits for a drain to end."""

SKEW = 60
"""Seconds that clocks may differ. Batches are refused from 300 s on."""


def look_at_oldest_event(scene: Scene) -> list[Finding]:
    """What fails, and since when."""
    with scene.opened.database.reading() as connection:
        troubles = scene.opened.retries.troubles(connection, MOST_COUNTED)
    found = []
    for one in sorted(troubles, key=lambda trouble: trouble.since):
        number = f"{MOST_COUNTED:,}+ events" if one.count > MOST_COUNTED else count(one.count, "event")
        state = "given up" if one.state is State.FAILED else "tried again and again"
        whose = f" ({one.handler})" if one.handler else ""
        oldest = f"The oldest, {one.guid} ({readable(one.event_type, 100)}), fails since {moment(one.since)} UTC"
        text = f"{number} {state}. {oldest}{whose}: {readable(brief(one.error), LONGEST_ERROR)}"
        found.append(_with_module(scene.opened.registry, one, text))
    return found or well("No event fails.")


def _with_module(registry: Registry, trouble: Trouble, text: str) -> Finding:
    """What fails, and what mends it: a handler whose module is off is given nothing, however often one tries."""
    name = trouble.handler.partition(":")[0]
    if name and not registry.gives_to(trouble.handler):
        loaded = registry.modules.get(name)
        is_told = loaded is not None and is_broken(loaded)
        state = "does not work" if loaded and loaded.is_on else "is switched off"
        remedy = f"Mend it and switch it on, at Settings > Modules or by python cli.py cmd=activate module={name}"
        comes_of = ("modules",) if is_told else ()
        return Finding(Verdict.BROKEN, f"{text} Its module, {name}, {state}.", remedy, comes_of=comes_of)
    given_up = "Mend the cause, then retry or discard: Failed events (/admin/failed)."
    again = "Mend the cause; the next attempt comes by itself. Now: python cli.py cmd=processEventQueue retry=now"
    return Finding(Verdict.BROKEN, text, given_up if trouble.state is State.FAILED else again)


def look_at_database(scene: Scene) -> list[Finding]:
    """Whether it can be read and written, and has the tables of this version."""
    if isinstance(scene.error, NotInstalled):
        raise NotOpened
    if outage := scene.outage:
        since = scene.opened.processor.pause.since()
        paused = f"Processing is paused{f' since {moment(since)} UTC' if since else ''}."
        text = f"{paused} {outage.message} Tracking goes on: events are kept in the queue."
        return broken(text, outage.remedy)
    database = scene.opened.database
    try:
        with database.writing(PATIENCE):
            pass
    except DatabaseUnavailable as error:
        return broken(f"It cannot be written to. {error.message}", error.remedy)
    if database.file and shutil.disk_usage(database.file.parent).free < LEAST_SPACE:  # a transaction cannot be ended
        return broken(f"It can be read, and hardly be written to: the disk of {database.file} is full.", FREE)
    if not _is_migrated(scene):
        return broken("Its tables are not those of this version.", "python cli.py cmd=install")
    with database.reading() as connection:
        lacking = lacks(connection)
    if lacking:
        return [Finding(Verdict.BROKEN, str(lack), lack.remedy) for lack in lacking[:MOST_LACKS]]
    return well("It can be read and written.")


def look_at_modules(scene: Scene) -> list[Finding]:
    """Those that are broken or tripped, and what their own checks find."""
    problems = scene.opened.health.problems()
    found = [
        Finding(Verdict.BROKEN, readable(masked_text(one.text), LONGEST_TOLD), one.remedy, one.module, one.check)
        for one in problems
    ]
    return found or well("All that are on work.")


def look_at_clock(scene: Scene) -> list[Finding]:
    """Of this machine, of the other processes, and of the servers that send here."""
    allowed = SKEW * MICROSECONDS
    if (ahead := _guids_ahead(scene)) > SKEW:
        text = f"This machine's clock was set back: guids are {duration(round(ahead * MICROSECONDS))} ahead of it."
        return broken(text, "Set it right: timedatectl set-ntp true. Guids stay unique meanwhile.")
    for process in scene.processes:
        if process.skew is not None and abs(process.skew) > allowed:
            way = "behind" if process.skew > 0 else "ahead of"
            text = f"The clock of {process.name} is {duration(abs(process.skew))} {way} the database's."
            return broken(text, "Set it right there: timedatectl set-ntp true")
        if process.seen_at - scene.now > allowed:
            text = f"The clock of {process.name} is {duration(process.seen_at - scene.now)} ahead of this one."
            return broken(text, "Set the clocks right, there or here: timedatectl set-ntp true")
    with scene.opened.database.reading() as connection:
        skewed = [sender for sender in senders(connection) if abs(sender.skew) > allowed]
    if not skewed:
        return well("No clock is off.")
    return [
        Finding(
            Verdict.BROKEN,
            f"The clock of the sender {readable(one.host, 100)} ({one.server}) is {duration(abs(one.skew))} "
            f"{'behind' if one.skew > 0 else 'ahead of'} this one.",
            "Set it right there: timedatectl set-ntp true. Batches are refused when it is 300 s off.",
        )
        for one in skewed[:3]
    ]


def look_at_ledger(scene: Scene) -> list[Finding]:
    """Whether all that was taken is somewhere: as it was verified last, or, if that is asked for, now: it counts all
    rows."""
    if not scene.verifies_ledger:
        return _as_verified(scene)
    opened = scene.opened
    try:
        lines = Ledger(opened.database, opened.incoming, opened.retries, count_facts).verify(LEDGER_PATIENCE)
    except HeldByAnother:
        return unknown(f"A drain holds {INCOMING}: nothing could be counted.")
    with suppress(DatabaseUnavailable):  # which another link tells
        keep(opened.database, opened.clock, lines, PATIENCE)
    off = [line for line in lines if line.drift]
    if not off:
        return well("Everything that was taken is somewhere.")
    worst = max(off, key=lambda line: abs(line.drift))
    text = f"The ledger does not add up: drift {worst.drift:+d} at server {worst.server}, site {worst.site_id or '?'}."
    return broken(text, "See all of it: python cli.py cmd=verify-ledger verbose=1. It is a bug, or somebody's hand.")


def _as_verified(scene: Scene) -> list[Finding]:
    """What the last verification has found."""
    with scene.opened.database.reading() as connection:
        lines = stored_lines(connection)
    if not lines:
        return unknown("Not verified so far: cmd=diagnose ledger=1, or cmd=verify-ledger.")
    off = [line for line in lines if line.figures.get("drift")]
    when = f"as of {moment(lines[0].verified_at)} UTC"
    if not off:
        return well(f"Everything that was taken is somewhere, {when}.")
    worst = max(off, key=lambda line: abs(line.figures["drift"]))
    drift = f"drift {worst.figures['drift']:+d} at server {worst.server}, site {worst.site_id or '?'}"
    text = f"The ledger does not add up, {when}: {drift}."
    return broken(text, "See all of it: python cli.py cmd=verify-ledger verbose=1. It is a bug, or somebody's hand.")


def _is_migrated(scene: Scene) -> bool:
    from owa.db.migrate import is_current  # Alembic takes a while to import

    database = scene.opened.database
    if database not in _MIGRATED and is_current(database):
        _MIGRATED.add(database)
    return database in _MIGRATED


_MIGRATED: WeakSet[Database] = WeakSet()
"""Databases whose tables were found to be current: they stay so until another version of OWA is started."""


def _guids_ahead(scene: Scene) -> float:
    """Seconds that the last guids are ahead of the clock."""
    if scene.folders is None:
        return 0.0
    used = []
    for slot in (scene.folders.data / "slots").glob("[0-9][0-9]"):
        with suppress(OSError):
            text = slot.read_bytes()[:10]
            used.append(int(text) if text.isdigit() else 0)
    return max(used, default=0) - scene.now / MICROSECONDS

"""`cmd=rebuild-sessions`."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from owa.analytics.rebuilding import Period, Rebuilt, rebuild_sessions
from owa.analytics.settings import TIME_ZONE
from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, TROUBLE, Command
from owa.cli.output import Output
from owa.errors import UsageError

MOST_LINES = 100
"""Differences that are printed."""

LONGEST_CELL = 60
"""Characters of a value that are printed."""

LARGEST_SECOND = 2**31 - 1
"""That a column holds."""

LARGEST_EXACT = 2**53
"""Beyond it, whoever reads JSON may round a number."""

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


def run(installation: Installation, arguments: Arguments, output: Output) -> int:
    period = _period(arguments, installation.configuration.current().settings[TIME_ZONE])
    check = arguments.switch("check")
    with output.progress("rebuild-sessions", None) as progress:
        rebuilt = rebuild_sessions(
            installation.database,
            installation.retries,
            installation.contexts.processing,
            period,
            check=check,
            progress=progress,
        )
    output.document(_document(rebuilt))
    _tell(rebuilt, check, output)
    return TROUBLE if rebuilt.columns else DONE


def _period(arguments: Arguments, zone: ZoneInfo) -> Period:
    period = Period(_second(arguments, "from", zone), _second(arguments, "to", zone))
    if period.start is not None and period.end is not None and period.start >= period.end:
        raise UsageError(
            f"from={arguments.text('from')} is not before to={arguments.text('to')}.",
            "to is the first day or moment that does not count: one day is from=2026-11-21 to=2026-11-22.",
        )
    return period


def _second(arguments: Arguments, name: str, zone: ZoneInfo) -> int | None:
    text = arguments.text(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text if _MOMENT.fullmatch(text) else "").replace(tzinfo=zone)
    except ValueError:
        raise UsageError(
            f"{name}={text}: wants a day or a moment.", f"Such as {name}=2026-11-21 or {name}=2026-11-21T10:00."
        ) from None
    return max(0, min(LARGEST_SECOND, int(at.timestamp())))


def _document(rebuilt: Rebuilt) -> dict[str, Any]:
    return {
        "sessions": rebuilt.sessions,
        "differing": rebuilt.differing,
        "missing": rebuilt.missing,
        "skipped": rebuilt.skipped,
        "without_page_views": rebuilt.without_page_views,
        "differences": [
            {
                "site": one.site_id,
                "session": str(one.session_id),
                "column": one.column,
                "stored": _exact(one.stored),
                "recomputed": _exact(one.recomputed),
            }
            for one in rebuilt.differences
        ],
    }


def _tell(rebuilt: Rebuilt, check: bool, output: Output) -> None:
    rows = [
        [_shown(value) for value in (one.site_id, one.session_id, one.column, one.stored, one.recomputed)]
        for one in rebuilt.differences[:MOST_LINES]
    ]
    if rows:  # by the next time it is mended
        output.table("Differences", ("site", "session", "column", "stored", "recomputed"), rows, must=True)
    if rebuilt.columns > MOST_LINES:
        output.must_say(f"and {rebuilt.columns - MOST_LINES} more")
    if rebuilt.columns:
        output.problem(
            f"Of {rebuilt.sessions} sessions {rebuilt.differing} differ from what is stored of their events, and "
            f"{rebuilt.missing} are missing. "
            + ("Without check=1 they are mended." if check else "They have been mended.")
        )
    else:
        output.say(f"{rebuilt.sessions} sessions: none differs from what is stored of its events.")
    if rebuilt.without_page_views:
        output.say(f"{rebuilt.without_page_views} sessions have no page view that counts: they are left alone.")
    if rebuilt.skipped:
        output.say(f"{rebuilt.skipped} sessions are older than what they could be computed from: left alone.")


def _exact(value: Any) -> Any:
    return str(value) if isinstance(value, int) and abs(value) > LARGEST_EXACT else value


def _shown(value: object) -> str:
    """Visitors' texts may hold what a terminal obeys."""
    if value is None:
        return "NULL"
    text = str(value)
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:LONGEST_CELL])
    return shown if len(text) <= LONGEST_CELL else f"{shown}…"


REBUILD_SESSIONS = Command(
    "rebuild-sessions",
    "Compute sessions anew from what is stored of their events, mend those that differ, and say what differed.",
    run,
    {
        "from": "only sessions with something on or after this day or moment, such as 2026-11-21 or 2026-11-21T10:00",
        "to": "and before this one, both in the time zone of the reports; default: all",
        "check": "1: only compare",
    },
)

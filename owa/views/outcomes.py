"""What became of events, in numbers, and what to do about it."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from owa.db.counts import Outcome
from owa.events import RefusalReason
from owa.masking import brief

REMEDIES = {
    RefusalReason.UNREGISTERED_SITE: "Register it under Sites or with cmd=add-site, or correct the site id in the tag.",
    RefusalReason.BAD_SITE_ID: "The page's tag sends no site id: paste the tag anew.",
    RefusalReason.BAD_VISITOR_ID: "The sender is no OWA tracker: ids are 1 to 19 digits.",
    RefusalReason.BAD_SESSION_ID: "The sender is no OWA tracker: ids are 1 to 19 digits.",
    RefusalReason.UNKNOWN_EVENT_TYPE: "No module that is switched on takes events of this type.",
    RefusalReason.FILTERED: "A module refused it. Which one and why is in the detail.",
    RefusalReason.ROBOT: "Robots are not tracked. To track them, switch on Track robots under General.",
    RefusalReason.EXCLUDED_ADDRESS: "The visitor's address is among the excluded addresses under General.",
    RefusalReason.DO_NOT_LOG: "The page asked not to be tracked.",
    RefusalReason.DO_NOT_TRACK: "The visitor's browser asks for that, and Respect Do Not Track is on under General.",
    RefusalReason.URL_TOO_LONG: "Send long events in a POST body.",
    RefusalReason.BODY_TOO_LONG: "Bodies may have 64 KB.",
    RefusalReason.TOO_MANY_PARAMETERS: "Requests may have 300 parameters, 1,000 with those of lists.",
    RefusalReason.MALFORMED_REQUEST: "The sender does not speak HTTP well.",
}

OTHER_REMEDIES = {
    Outcome.FAILED: "Retry or discard them under Failed events.",
    Outcome.QUARANTINED: "Bytes in a queue file that are no event: look at them on the page Quarantine.",
    Outcome.COERCED: "The value had the wrong type and was stored as NULL.",
    Outcome.DUPLICATE: "Had been stored before; nothing was changed.",
    Outcome.RESTORED: "An admin has undone their discard: they are failed events again, or were retried since.",
    Outcome.DISCARDED: "An admin gave them up after they had failed: see the audit trail.",
}


MOST_SITES = 1_000
"""Sites that are looked at for failed events."""

NONE_LEFT = "None of them is left: they were retried or discarded since."


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened, why, and what to do about it."""

    outcome: str
    reason: str
    site: str
    count: int
    detail: str
    next_step: str


def count_of(row: Any, failed_sites: Collection[str]) -> Count:
    """A row of `owa_event_count`. `failed_sites`: those with failed events now."""
    outcome, reason = row["outcome"], row["reason"]
    detail = brief(row["last_detail"])  # the error of an event may quote it
    is_over = outcome == Outcome.FAILED and row["site_id"] not in failed_sites
    next_step = NONE_LEFT if is_over else _remedy(outcome, reason)
    return Count(outcome, reason, row["site_id"], row["count"], detail, next_step)


def totals(rows: Iterable[Any], sees: Callable[[str], bool], failed_sites: Collection[str]) -> list[Count]:
    """Over all servers, of the sites that `sees` says yes to. The detail is that of the latest one."""
    found: dict[tuple[str, str, str], Count] = {}
    for row in sorted(rows, key=lambda row: row["last_at"]):
        if not row["count"] or not sees(row["site_id"]):
            continue
        count = count_of(row, failed_sites)
        key = (count.outcome, count.site, count.reason)
        before = found[key].count if key in found else 0
        found[key] = replace(count, count=before + count.count)
    return [found[key] for key in sorted(found)]


def _remedy(outcome: str, reason: str) -> str:
    if outcome == Outcome.REFUSED and reason in list(RefusalReason):
        return REMEDIES[RefusalReason(reason)]
    return OTHER_REMEDIES.get(Outcome(outcome), "") if outcome in list(Outcome) else ""

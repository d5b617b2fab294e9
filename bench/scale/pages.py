"""All addresses that somebody may look at, from the application's own routes: a new one cannot be forgotten."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pyramid.router import Router
from sqlalchemy import func, select

from bench.scale.small import SETTABLE
from owa.analytics.tables import REQUEST, VISITOR
from owa.app import Installation
from owa.db.metadata import METADATA
from owa.queues.contract import FailedFilter


@dataclass(frozen=True, slots=True)
class Page:
    """An address, and what its page must say."""

    path: str
    says: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Known:
    """Things of an installation that addresses name."""

    site: str
    failed: int
    group: str
    stored: int
    session: int
    visitor: int
    queued: int
    waiting_visitor: int
    place: str
    awaited: str
    modules: Sequence[str]
    module_pages: Sequence[tuple[str, str]]


def known(installation: Installation) -> Known:
    """Things in the middle of what there is: neither the first nor the last."""
    retries, item = installation.retries, METADATA.tables["owa_queue_item"].c
    with installation.database.reading() as connection:
        failed = retries.failed(connection, FailedFilter(), 60)
        awaited = retries.awaited(connection, 20)
        low, high = connection.execute(select(func.min(REQUEST.c.id), func.max(REQUEST.c.id))).one()
        middle = select(REQUEST.c.id, REQUEST.c.session_id).where(REQUEST.c.id >= (low + high) // 2)
        stored, session = connection.execute(middle.order_by(REQUEST.c.id).limit(1)).one()
        waits = select(item.visitor_id).where(item.status == "unhandled", item.waits_for.is_not(None)).limit(1)
        waiting_visitor = connection.execute(waits).scalar_one()
        visitor = connection.execute(select(VISITOR.c.id).order_by(VISITOR.c.id.desc()).limit(1)).scalar_one()
    last, since = failed[len(failed) // 2], awaited[-1]
    return Known(
        site=failed[0].site_id,
        failed=failed[0].guid,
        group=failed[0].fingerprint,
        stored=stored,
        session=session,
        visitor=visitor,
        queued=installation.incoming.latest(1)[0].guid,
        waiting_visitor=waiting_visitor,
        place=f"{last.failed_at}-{last.guid}" + (f":{last.handler}" if last.handler else ""),
        awaited=f"{since.since}-{since.key}",
        modules=[SETTABLE],
        module_pages=[(module, page.slug) for module, page in installation.registry.pages],
    )


def _failed(of: Known) -> list[Page]:
    asked = {
        "": "Failed events",
        "type=base.page_request": "base.page_request",
        f"site={of.site}": "Failed events",
        f"group={of.group}": "Failed events",
        "handler=core": "Failed events",
        "handler=webhook:send": "webhook:send",
        "error=OperationalError": "OperationalError",
        "type=base.page_request&server=0": "base.page_request",
        "error=nothing+has+this": "Failed events",
        "server=0": "Failed events",
        "state=retrying": "Failed events",
        "state=discarded": "Failed events",
        f"by=guid&id={of.failed}": str(of.failed),
        f"by=visitor&id={of.visitor}": "Failed events",
        f"by=session&id={of.session}": "Failed events",
        f"before={of.place}": "Failed events",
        "from=2020-01-01T00:00&to=2030-01-01T00:00": "Failed events",
    }
    return [Page(f"/admin/failed?{query}".rstrip("?"), says) for query, says in asked.items()]


def _trace(of: Known) -> list[Page]:
    return [
        Page("/admin/trace", "Trace"),
        Page(f"/admin/trace?guid={of.stored}", "owa_request"),
        Page(f"/admin/trace?guid={of.failed}", str(of.failed)),
        Page(f"/admin/trace?guid={of.queued}", str(of.queued)),
        Page("/admin/trace?guid=1700000000000000001", "1700000000000000001"),
        Page(f"/admin/trace?of=session&id={of.session}", str(of.session)),
        Page(f"/admin/trace?of=visitor&id={of.visitor}", str(of.visitor)),
        Page(f"/admin/trace?of=visitor&id={of.waiting_visitor}", str(of.waiting_visitor)),
    ]


def _queues(_of: Known) -> list[Page]:
    spans = ("hour", "day", "week")
    return [Page(f"/admin/queues?span={span}{part}", "Incoming events") for span in spans for part in ("", "&part=1")]


PAGES: Mapping[str, Callable[[Known], Sequence[Page]]] = {
    "start": lambda _of: [Page("/", "")],
    "login": lambda _of: [Page("/login", "")],
    "metrics": lambda _of: [Page("/metrics", "owa_queue_depth")],
    "health": lambda _of: [Page("/health", "checks", 503)],  # events fail
    "health_live": lambda _of: [Page("/health/live", "ok")],
    "health_ready": lambda _of: [Page("/health/ready", "ok")],
    "admin": lambda _of: [Page("/admin", "", 303)],
    "account": lambda _of: [Page("/admin/account", "admin")],
    "queues": _queues,
    "failed": _failed,
    "failed_groups": lambda _of: [Page("/admin/failed/by-error", "OperationalError")],
    "failed_event": lambda of: [Page(f"/admin/failed/{of.failed}", str(of.failed))],
    "diagnose": lambda _of: [Page("/admin/diagnose", "given up")],
    "waiting": lambda of: [
        Page("/admin/waiting", "session"),
        Page(f"/admin/waiting?after={quote(of.awaited)}", "session"),
        Page(f"/admin/waiting?id={of.waiting_visitor}", "session"),
    ],
    "trace": _trace,
    "scheduler": lambda _of: [Page("/admin/scheduler", "drain")],
    "runs": lambda _of: [Page("/admin/scheduler/runs?job=drain", "drain")],
    "general": lambda _of: [Page("/admin/settings/general", "")],
    "modules": lambda _of: [Page("/admin/settings/modules", "file_queue")],
    "module": lambda of: [Page(f"/admin/settings/modules/{name}", name) for name in of.modules],
    "module_page": lambda of: [Page(f"/admin/modules/{module}/{slug}", "") for module, slug in of.module_pages],
    "sites": lambda _of: [Page("/admin/settings/sites", "one.example")],
    "site": lambda of: [Page(f"/admin/settings/sites/{of.site}", "example")],
    "goals": lambda of: [Page(f"/admin/settings/sites/{of.site}/goals", "Goals")],
    "senders": lambda _of: [Page("/admin/settings/senders", "")],
    "users": lambda _of: [Page("/admin/settings/users", "admin")],
    "user": lambda _of: [Page("/admin/settings/users/edit?user_id=admin", "admin")],
    "audit": lambda _of: [Page("/admin/audit", "run job")],
}
"""By route."""

NONE = {"__static/", "log", "tracker", "old_tracker", "blank", "logout"}
"""Routes that lead to files, or that take no GET: nothing of an installation is looked up for them."""


def pages(router: Router, of: Known) -> list[Page]:
    """All of them, by route. Raises `AssertionError` when a route has none, or one is of no route."""
    found = router.registry.introspector.get_category("routes")
    routes = {entry["introspectable"]["name"] for entry in found}
    assert routes == PAGES.keys() | NONE, f"bench/scale/pages.py lacks {routes ^ (PAGES.keys() | NONE)}"
    return [page for route in sorted(PAGES) for page in PAGES[route](of)]

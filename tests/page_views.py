"""Page views to test with, and a processor on a database of its own to give them to."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from owa.analytics.handlers import fact_handlers
from owa.app import CORE_SETTINGS
from owa.clock import MICROSECONDS, FixedClock
from owa.contributions import PROCESSING, ProcessingContext, QueueContext, Site
from owa.db.counts import Outcome, stored
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.migrate import upgrade
from owa.db.modules import Switch
from owa.events import Entry, Event
from owa.processing.pause import Pause
from owa.processing.processor import Processor
from owa.processing.report import Report
from owa.processing.store import HandlerTable, Subscribers
from owa.queues.contract import Batch, RetryQueue
from owa.queues.memory import MemoryQueue
from owa.registry import CORE, Found, Registry, discover, load
from owa.settings import Settings, resolve

NOON = 1_795_262_400 * MICROSECONDS
"""Saturday, 21 November 2026, 12:00 UTC."""

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"

Row = dict[str, Any]


def page_view(
    number: int = 1,
    *,
    at: float = 0.0,
    site: str = "s1",
    session: int = 11,
    visitor: int = 21,
    first: bool = False,
    **properties: Any,
) -> Event:
    """Page view `number`, `at` seconds after noon. `first`: it carries the flag of a first page."""
    flag = {"is_new_session": "true"} if first else {}
    return Event(
        guid=1_795_262_400_000_000_000 + number,
        event_type="base.page_request",
        site_id=site,
        visitor_id=visitor,
        session_id=session,
        received_at=NOON + round(at * MICROSECONDS),
        server=1,
        properties={"page_url": "http://shop.example/", **flag, **properties},
    )


def settings(**environment: str) -> Settings:
    """The defaults, but for what `environment` says."""
    return resolve((*CORE_SETTINGS, *load().settings), environment=environment)


def context(sites: Iterable[Site] = (), **environment: str) -> ProcessingContext:
    """What handlers may know, at noon."""
    return ProcessingContext(settings(**environment), {site.site_id: site for site in sites}, NOON)


@dataclass(frozen=True)
class Processing:
    """A processor, and its database to look into."""

    database: Database
    retries: RetryQueue
    processor: Processor
    clock: FixedClock
    settings: Settings

    def settle(self, *entries: Entry) -> Report:
        """Process one batch."""
        return self.processor.settle(batch(entries))

    def finish(self) -> Report:
        """Process what is due in the processing queue, until nothing is."""
        report = Report()
        while (part := self.processor.retry()).events:
            report.add(part)
        return report

    def rows(self, table: Table) -> list[Row]:
        """Whole rows, ordered by their keys."""
        return rows(self.database, table)

    def row(self, table: Table) -> Row:
        """The only row of a table."""
        (row,) = self.rows(table)
        return row

    def counts(self, outcome: Outcome) -> Counter[tuple[str, str]]:
        """How many events had that outcome, by site and reason."""
        return counts(self.database, outcome)

    def empty(self) -> None:
        """Delete all rows."""
        with self.database.writing() as connection:
            for table in METADATA.tables.values():
                connection.execute(delete(table))


def rows(database: Database, table: Table) -> list[Row]:
    """Whole rows, ordered by their keys."""
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]


def counts(database: Database, outcome: Outcome) -> Counter[tuple[str, str]]:
    """How many events had that outcome, by site and reason, over all servers and days."""
    found: Counter[tuple[str, str]] = Counter()
    with database.reading() as connection:
        for row in stored(connection):
            if row["outcome"] == outcome:
                found[row["site_id"], row["reason"]] += row["count"]
    return found


def batch(entries: Sequence[Entry]) -> Batch:
    """Entries that come from no queue."""

    def acknowledge(_connection: Connection) -> None:
        return None

    return Batch(tuple(entries), (), acknowledge)


def load_with(core: str, switches: Mapping[str, Switch] | None = None) -> Registry:
    """The built-in modules, with another core that is imported by that path, if one is named."""
    return load(switches, discover() | ({CORE: [Found(CORE, core)]} if core else {}))


def open_processing(
    folder: Path,
    *,
    core: str = "",
    sites: Mapping[str, Site] | None = None,
    subscribers: Subscribers | None = None,
    url: str = "",
    switches: Mapping[str, Switch] | None = None,
    tell: Callable[[ProcessingContext], ProcessingContext] = lambda context: context,
    **environment: str,
) -> Processing:
    """A processor on the database of `url`, by default a SQLite file in `folder`, with the defaults but for what
    `environment` says. `switches`: of modules; `tell`: adds to what handlers may know."""
    registry = load_with(core, switches)
    database = Database(url or f"sqlite:///{folder / 'owa.db'}")
    upgrade(database)
    clock = FixedClock(NOON)
    values = settings(**environment)
    retries = registry.retry_queue_type(PROCESSING).open(QueueContext(PROCESSING, values, database, clock, folder))

    def current() -> ProcessingContext:
        return tell(ProcessingContext(values, sites or {}, clock.now()))

    pause = Pause(folder / "drain.paused", clock)
    handlers = HandlerTable(fact_handlers(registry), subscribers or registry.subscribers(values))
    processor = Processor(database, handlers, retries, current, clock, 1, pause, MemoryQueue().put)
    return Processing(database, retries, processor, clock, values)

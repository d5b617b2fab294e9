"""What regular jobs leave in the database: who may run them, and what came of each run."""

import uuid
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from owa.db.metadata import METADATA, Id, partial_index
from owa.node import has_ended

JOBS = ("drain", "retry", "deliver", "sweep", "clean", "sample", "sample_processing", "verify")
"""The names of OWA's own jobs: what `owa.scheduler.jobs` does regularly. Modules have others."""

RUNNING, DONE, PAUSED, FAILED = "running", "done", "paused", "failed"

JOB_LEASE = Table(
    "owa_job_lease",
    METADATA,
    Column("job", String(64), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("token", String(36), nullable=False),
    Column("acquired_at", BigInteger, nullable=False),  # microseconds
    Column("until", BigInteger, nullable=False),  # microseconds
)

JOB_RUN = Table(
    "owa_job_run",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("job", String(64), nullable=False),
    Column("server", Integer, nullable=False),
    Column("owner", String(255), nullable=False),
    Column("caller", String(16), nullable=False),  # scheduler, command or dashboard
    Column("started_at", BigInteger, nullable=False),  # microseconds
    Column("duration", BigInteger, nullable=False),  # microseconds
    Column("result", String(16), nullable=False),
    Column("figures", LargeBinary, nullable=False),  # JSON
    Column("detail", Text, nullable=False),
    Index("owa_job_run_job", "job", "id"),
    Index("owa_job_run_job_server", "job", "server", "id"),
    Index("owa_job_run_caller", "job", "caller", "id"),
    Index("owa_job_run_started_at", "started_at"),
)
# Literals, so that the planners see that the partial indexes serve. `{}` is two bytes.
_BUSY = text("(result != 'done' OR length(figures) > 2)")
for _name, _columns in {"busy": ("job",), "busy_server": ("job", "server")}.items():
    partial_index(f"owa_job_run_{_name}", *(JOB_RUN.c[_column] for _column in (*_columns, "id")), where=_BUSY)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job."""

    job: str
    server: int
    """Number of the server that it ran on."""
    owner: str
    """The process, as `owa.node` names it."""
    caller: str
    """`scheduler`, `command` or `dashboard`."""
    started_at: int
    """Microseconds."""
    duration: int
    """Microseconds."""
    result: str
    """`done`; `paused`: something was away, and nothing was failed for it; `failed`: see `detail`; `running`."""
    figures: dict[str, int]
    """What it did, by name; figures that are 0 may be left out."""
    detail: str = ""
    """Why it was paused or failed."""

    @property
    def outcome(self) -> str:
        """The result; `died` when its process is one of this machine and ended before the run did."""
        return "died" if self.result == RUNNING and has_ended(self.owner) else self.result


def acquire(connection: Connection, job: str, owner: str, now: int, until: int) -> str | None:
    """Get the lease of a job for `owner`; returns its token, or None while another one that lives has it."""
    table = JOB_LEASE
    held = connection.execute(select(table).where(table.c.job == job).with_for_update()).mappings().first()
    if held and held["until"] > now and not has_ended(held["owner"]):
        return None
    token = str(uuid.uuid4())
    lease = {"owner": owner, "token": token, "acquired_at": now, "until": until}
    if held:
        connection.execute(update(table).where(table.c.job == job).values(lease))
    else:
        connection.execute(insert(table).values(job=job, **lease))
    return token


def renew(connection: Connection, job: str, token: str, until: int) -> bool:
    """Keep the lease until then; False when it is somebody else's by now."""
    mine = update(JOB_LEASE).where(JOB_LEASE.c.job == job, JOB_LEASE.c.token == token)
    return connection.execute(mine.values(until=until)).rowcount == 1


def give_back(connection: Connection, job: str, token: str) -> None:
    """Let another one run the job."""
    connection.execute(delete(JOB_LEASE).where(JOB_LEASE.c.job == job, JOB_LEASE.c.token == token))


def leases(connection: Connection) -> list[RowMapping]:
    """Who runs what, as rows of `owa_job_lease`."""
    return list(connection.execute(select(JOB_LEASE).order_by(JOB_LEASE.c.job)).mappings())


def begin(connection: Connection, run: Run) -> int:
    """Note that a run has begun; returns its number."""
    number = connection.execute(insert(JOB_RUN).values(_row(run))).inserted_primary_key
    assert number is not None
    return int(number[0])


def end(connection: Connection, number: int, run: Run) -> None:
    """Note what came of it."""
    connection.execute(update(JOB_RUN).where(JOB_RUN.c.id == number).values(_row(run)))


def withdraw(connection: Connection, number: int) -> None:
    """It was none."""
    connection.execute(delete(JOB_RUN).where(JOB_RUN.c.id == number))


def latest(connection: Connection, count: int, job: str | None = None) -> list[Run]:
    """The last `count` runs, of one job or of all, latest first."""
    statement = select(JOB_RUN).order_by(JOB_RUN.c.id.desc()).limit(count)
    if job is not None:
        statement = statement.where(JOB_RUN.c.job == job)
    return [_run(row) for row in connection.execute(statement).mappings()]


def last(
    connection: Connection, job: str, *, server: int | None = None, busy: bool = False, caller: str = ""
) -> Run | None:
    """The last run of a job. `server`: on that one. `busy`: of those that were more than finding nothing to do.
    `caller`: of those by that one; empty: whoever it was."""
    table = JOB_RUN.c
    statement = select(JOB_RUN).where(table.job == job).order_by(table.id.desc()).limit(1)
    if server is not None:
        statement = statement.where(table.server == server)
    if caller:
        statement = statement.where(table.caller == caller)
    if busy:
        statement = statement.where(_BUSY)
    row = connection.execute(statement).mappings().first()
    return _run(row) if row else None


def last_by(connection: Connection, job: str, server: int, caller: str, among: int) -> Run | None:
    """The last run of a job on a server that `caller` began, of the last so many."""
    table = JOB_RUN.c
    recent = select(JOB_RUN).where(table.job == job, table.server == server).order_by(table.id.desc()).limit(among)
    found = recent.subquery()
    statement = select(found).where(found.c.caller == caller).order_by(found.c.id.desc()).limit(1)
    row = connection.execute(statement).mappings().first()
    return _run(row) if row else None


def runs_of(connection: Connection, job: str, count: int, before: int | None = None) -> list[tuple[int, Run]]:
    """The last `count` runs of a job, each with its number, latest first; `before`: of those with a lesser number."""
    table = JOB_RUN.c
    statement = select(JOB_RUN).where(table.job == job).order_by(table.id.desc()).limit(count)
    if before is not None:
        statement = statement.where(table.id < before)
    return [(row["id"], _run(row)) for row in connection.execute(statement).mappings()]


def last_of_each(connection: Connection) -> list[Run]:
    """The last run of each job on each server, by job and server. As many looks as there are of these, however many
    runs: the index leads from one to the next."""
    table, found = JOB_RUN.c, list[Run]()
    next_job = select(func.min(table.job))
    job = connection.execute(next_job).scalar()
    while job is not None:
        mine = select(func.min(table.server)).where(table.job == job)
        server = connection.execute(mine).scalar()
        while server is not None:
            found += filter(None, [last(connection, job, server=server)])
            server = connection.execute(mine.where(table.server > server)).scalar()
        job = connection.execute(next_job.where(table.job > job)).scalar()
    return found


def forget(connection: Connection, before: int, idle_before: int) -> int:
    """Delete the runs that started before that moment, and earlier those that found nothing to do; returns how many."""
    table = JOB_RUN.c
    idle = _idle() & (table.started_at < idle_before)
    return connection.execute(delete(JOB_RUN).where((table.started_at < before) | idle)).rowcount


def _idle() -> ColumnElement[bool]:
    return (JOB_RUN.c.result == DONE) & (JOB_RUN.c.figures == b"{}")


def _row(run: Run) -> dict[str, Any]:
    return asdict(run) | {"figures": orjson.dumps(run.figures)}


def _run(row: RowMapping) -> Run:
    values: dict[str, Any] = {str(name): value for name, value in row.items() if name != "id"}
    return Run(**values | {"figures": orjson.loads(row["figures"])})

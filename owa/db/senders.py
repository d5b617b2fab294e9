"""What is stored of servers that send their events here: how each is, and what their batches were answered."""

from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, LargeBinary, String, Table, delete, select

from owa.db.bulk import dialect_insert
from owa.db.metadata import METADATA

SENDER = Table(
    "owa_sender",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("server", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("depth", BigInteger, nullable=False),
    Column("oldest_at", BigInteger),  # microseconds, as all moments
    Column("skew", BigInteger, nullable=False),  # microseconds that its clock is behind ours
    Column("seen_at", BigInteger, nullable=False),
    Column("events_at", BigInteger),  # when it last brought events
)

RECEIVED_BATCH = Table(
    "owa_received_batch",
    METADATA,
    Column("sender", String(128), primary_key=True),
    Column("batch", String(128), primary_key=True),
    Column("answer", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("owa_received_batch_received_at", "received_at"),
)

ANSWERS_AGE = 7 * 86_400
"""Seconds for which answers are kept: a batch that is sent again meanwhile has no effect."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A server that sends its events here, as it was when it last did."""

    name: str
    server: int
    host: str
    address: str
    version: str
    generation: int
    depth: int
    oldest_at: int | None
    """Microseconds, as all moments; when the oldest event that it still had was received there."""
    skew: int
    """Microseconds that its clock was behind ours, the way of the request included."""
    seen_at: int
    events_at: int | None
    """When it last brought events; None: never yet."""


def senders(connection: Connection) -> list[Sender]:
    """All, by number and name."""
    found = connection.execute(select(SENDER).order_by(SENDER.c.server, SENDER.c.name)).mappings()
    return [Sender(**row) for row in found]


def rival(connection: Connection, name: str, server: int) -> Sender | None:
    """Another sender that has this number."""
    others = select(SENDER).where(SENDER.c.server == server, SENDER.c.name != name).order_by(SENDER.c.name).limit(1)
    found = connection.execute(others).mappings().first()
    return Sender(**found) if found else None


def note_sender(connection: Connection, sender: Sender) -> None:
    """Note how it is. Without events (`events_at` None), when it last brought some stays as it was."""
    values = asdict(sender)
    changed = {name: value for name, value in values.items() if name != "name" and (name, value) != ("events_at", None)}
    insert = dialect_insert(connection.dialect.name)(SENDER).values(**values)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=changed))


def forget_sender(connection: Connection, name: str) -> Sender | None:
    """It is no more, and its number free; returns what it was. Its answers stay: a batch of it has no effect again."""
    found = connection.execute(select(SENDER).where(SENDER.c.name == name)).mappings().first()
    connection.execute(delete(SENDER).where(SENDER.c.name == name))
    return Sender(**found) if found else None


def stored_answer(connection: Connection, sender: str, batch: str) -> bytes | None:
    """What this batch was answered; None: it has not come yet."""
    own = (RECEIVED_BATCH.c.sender == sender) & (RECEIVED_BATCH.c.batch == batch)
    return connection.execute(select(RECEIVED_BATCH.c.answer).where(own)).scalar()


def store_answer(connection: Connection, sender: str, batch: str, answer: bytes, now: int) -> None:
    """Keep what a batch was answered. When two tries of it came at once, the first answer stays."""
    row = {"sender": sender, "batch": batch, "answer": answer, "received_at": now}
    insert = dialect_insert(connection.dialect.name)(RECEIVED_BATCH).values(**row)
    connection.execute(insert.on_conflict_do_nothing())


def forget_answers(connection: Connection, before: int) -> int:
    """Delete those of batches that came before that moment; returns how many."""
    return connection.execute(delete(RECEIVED_BATCH).where(RECEIVED_BATCH.c.received_at < before)).rowcount

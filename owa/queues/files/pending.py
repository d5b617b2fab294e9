"""What stands in queue files and is not processed, for the ledger."""

from collections.abc import Collection, Iterable
from pathlib import Path

from owa.db.engine import Database
from owa.db.receipts import Receipt, retire, seen
from owa.events import Event
from owa.queues.contract import Pending
from owa.queues.numbering import kept_numbers
from owa.queues.records import Record
from owa.queues.segments import read_block

LINES = 10_000
"""Lines that are read at once."""


def pending_in(files: Iterable[tuple[Path, int]], writers: Path) -> Pending:
    """What stands in the files behind the given offsets, and the numbers in the writers' folder. Lines that are being
    written are left out."""
    numbers = kept_numbers(writers)
    pending = Pending(
        receipts=[Receipt(writer, server, site, last) for (writer, server, site), last in numbers.items()]
    )
    for path, start in files:
        _read(path, start, pending)
    return pending


def receipts_of(records: Iterable[Record]) -> tuple[Receipt, ...]:
    """The last number of each writer, server and site."""
    last: dict[tuple[str, int, str], int] = {}
    for record in records:
        key = (record.writer, record.entry.server, record.entry.site_id)
        last[key] = max(last.get(key, 0), record.sequence)
    return tuple(Receipt(*key, number) for key, number in last.items())


def _read(path: Path, start: int, pending: Pending) -> None:
    try:
        with path.open("rb") as file:
            while (block := read_block(file, path.name, start, LINES)).end > start:
                for record in block.records:
                    entry = record.entry
                    counted = pending.events if isinstance(entry, Event) else pending.refusals
                    counted[entry.server, entry.site_id] += 1
                pending.receipts += receipts_of(block.records)
                start = block.end
    except FileNotFoundError:
        return


def retire_writers(gone: Collection[Path], folder: Path, database: Database) -> None:
    """Forget writers of `folder`, if all that they wrote was seen. `gone`: the files of those that were no more before
    the rotation of what has been read now: nothing of theirs is left behind it. The files go first: if this process is
    killed in between, nothing is counted twice."""
    if not gone:
        return
    numbers = kept_numbers(folder)
    with database.writing() as connection:
        found = {
            (receipt.writer, receipt.server, receipt.site_id): receipt.last_sequence for receipt in seen(connection)
        }
        for path in gone:
            if all(found.get(key, 0) >= number for key, number in numbers.items() if key[0] == path.name):
                path.unlink(missing_ok=True)
                retire(connection, path.name)

"""Work that is done once for all who ask for it meanwhile, while they wait: a write and a sync serve all of a moment.

There is no thread for it: the first one who comes does it for all who come until the work before has ended. Then it is
done at once, without a delay to wait for company.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Batch(Generic[Item]):
    """Those who are served by one call."""

    __slots__ = ("done", "failure", "items")

    def __init__(self, first: Item) -> None:
        self.items = [first]
        self.failure: BaseException | None = None
        self.done = Lock()
        """A turnstile, shut until the work is done. Each one who goes through it lets in the next: if all came at once,
        they would only stand in each other's way at the interpreter's lock."""
        self.done.acquire()


class Together(Generic[Item]):
    """Safe to share between threads, not with a forked child."""

    def __init__(self, work: Callable[[Sequence[Item]], None]) -> None:
        """`work`: is called by one thread at a time."""
        self._work = work
        self._lock = Lock()
        self._working = Lock()
        self._next: Batch[Item] | None = None
        """Those who wait until the work before has ended."""

    def do(self, item: Item) -> None:
        """Return when the work is done for a batch with `item`. Raises what it has raised, as do all of that batch."""
        with self._lock:
            batch = self._next
            leads = batch is None
            if batch is None:
                batch = self._next = Batch(item)
            else:
                batch.items.append(item)
        if leads:
            self._lead(batch)
        with batch.done:
            pass
        if batch.failure:
            raise batch.failure

    def _lead(self, batch: Batch[Item]) -> None:
        try:
            with self._working:
                with self._lock:
                    self._next = None  # who comes from now on is of the next batch
                self._work(batch.items)
        except BaseException as error:  # told to all of the batch, this one too
            batch.failure = error
        finally:
            batch.done.release()

    @property
    def waiting(self) -> int:
        """How many wait until the work before has ended."""
        batch = self._next
        return len(batch.items) if batch else 0

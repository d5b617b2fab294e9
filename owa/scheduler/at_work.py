"""Which jobs a process runs at the moment: each once at a time, whoever asks for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class AtWork:
    """Shared by the scheduler and those who want a job now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._names: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @contextmanager
    def on(self, name: str) -> Iterator[bool]:
        """Work on a job; False: it is being worked on."""
        with self._lock:
            is_free = name not in self._names
            self._names.add(name)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._names.discard(name)

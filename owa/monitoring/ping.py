"""A sign of life for somebody outside, who notices when it does not come."""

import logging
from collections.abc import Callable
from threading import Lock, Thread

from owa.processing.drain import Drained

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds for the connection, and for the answer."""


class Ping:
    """Requests an address in the background, one request at a time. Safe to share between threads."""

    def __init__(self, url: Callable[[], str]) -> None:
        """`url`: where to, now; empty: nowhere."""
        self._url = url
        self._lock = Lock()
        self._thread: Thread | None = None
        self._trouble = ""

    def after(self, job: str, drained: Drained) -> None:
        """A job has drained. Returns at once, and raises nothing."""
        if job != "drain" or drained.outage or drained.paused or not (url := self._url()):
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._request, args=(url,), name="owa-ping", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Let the last one arrive, which takes a few seconds at most."""
        if self._thread:
            self._thread.join(2 * TIMEOUT)

    def _request(self, url: str) -> None:
        import requests  # takes a while to import, and few have an address

        trouble = ""
        try:
            # the answer's text is not wanted, however long it is; nobody but the admin says where to
            with requests.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
                if answer.status_code >= 300:
                    trouble = f"it answers {answer.status_code}"
        except Exception as error:
            trouble = type(error).__name__  # its text may hold the address, which may be a secret
        if trouble != self._trouble:
            logger.warning("The ping address %s", f"cannot be requested: {trouble}." if trouble else "answers again.")
            self._trouble = trouble

"""A filter for ini files: tracking requests go on when so many are there at once, and are answered 500 when they do not
come."""

from collections.abc import Iterable
from threading import Barrier
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE = 20.0


class Meeting:
    """`[filter:…] paste.filter_app_factory = tests.meeting:Meeting`, with their number as `count`."""

    def __init__(self, app: "WSGIApplication", _global_config: dict[str, str], count: str) -> None:
        self.app = app
        self._barrier = Barrier(int(count))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/log.php":
            self._barrier.wait(PATIENCE)
        return self.app(environ, start_response)

"""Servers for ini files: `[server:main] use = egg:owa#waitress`, or `egg:owa#granian`.

Both take `host`, `port` and their number of threads or workers; the environment's PORT beats the file's port.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from owa.app import INI

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    Serve = Callable[[WSGIApplication], None]

PORT = "PORT"

LONGEST_BODY = 4 * 1024 * 1024
"""Bytes that waitress keeps of a request before OWA sees it, and refuses it if it is too long."""

STOP_PATIENCE = 5
"""Seconds after which a worker that does not stop is killed, which is safe at any instant."""


def waitress(_global_config: dict[str, str], host: str, port: str, threads: str = "4") -> "Serve":
    """One process with a few threads: for development, and for small sites."""

    free_port = _free_port(host, port)

    def run(application: "WSGIApplication") -> None:
        import waitress

        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # requests that wait for a thread are no news
        # Waitress would drop X-Forwarded-For, which OWA judges itself: by OWA_TRUSTED_PROXIES.
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
        try:
            waitress.serve(
                application,
                host=host,
                port=free_port,
                threads=int(threads),
                clear_untrusted_proxy_headers=False,
                max_request_body_size=LONGEST_BODY,
            )
        finally:
            _stop(application)  # others may have its jobs at once

    return run


def granian(global_config: dict[str, str], host: str, port: str, workers: str = "1") -> "Serve":
    """Several worker processes, which load `owa.wsgi` from the same ini file."""

    free_port = _free_port(host, port)

    def run(application: "WSGIApplication") -> None:
        from granian import Granian
        from granian.constants import Interfaces

        _stop(application)  # this process supervises: it must not hold a slot, or run the scheduler
        os.environ[INI.environment_name] = global_config["__file__"]
        Granian(
            "owa.wsgi:application",
            address=host,
            port=free_port,
            interface=Interfaces.WSGI,
            workers=int(workers),
            blocking_threads=1,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_PATIENCE,
        ).serve()

    return run


def _free_port(host: str, configured: str) -> int:
    """The port, free to listen on. Granian would share one that another server has."""
    text = os.environ.get(PORT) or configured
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise SystemExit(f"PORT={text}: wants a number from 1 to 65535.")
    try:
        with socket.create_server((host, int(text)), reuse_port=False):
            return int(text)
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on {host}:{text}: {error.strerror}. Stop what listens there, or set another PORT."
        ) from error


def _stop(application: object) -> None:
    """End what the application runs in this process. Filters of the ini file stand around it."""
    while application is not None:
        registry = getattr(application, "registry", None)
        if registry is not None:
            registry["owa"].stop()
            return
        application = getattr(application, "app", None) or getattr(application, "application", None)

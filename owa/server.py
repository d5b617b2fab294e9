"""Servers for ini files: `[server:main] use = egg:owa#waitress`, or `egg:owa#granian`.

Both take `host`, `port` and `threads`, granian `workers` too; the environment's PORT beats the file's port.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from owa.app import INI
from owa.queues.settings import DURABILITY, QUEUE_EVENTS
from owa.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from owa.views import Application

    Serve = Callable[[WSGIApplication], None]

PORT = "PORT"

LONGEST_BODY = 4 * 1024 * 1024
"""Bytes that waitress keeps of a request before OWA sees it, and refuses it if it is too long."""

STOP_PATIENCE = 5
"""Seconds after which a worker that does not stop is killed, which is safe at any instant."""


WAITRESS_THREADS, GRANIAN_THREADS = 4, 1
"""Of a process, where its requests need not wait for the disk. Granian's thread answers fastest alone: several would
only hand the interpreter's lock to and fro."""

WAITING_THREADS = 64
"""Of a process whose requests do: so many events can share a sync."""


def threads_for(settings: Settings, usual: int) -> int:
    """How many requests a process answers at once. `usual`: where they need not wait for the disk, or wait for the
    database anyway, as in synchronous mode."""
    waits = settings[DURABILITY] == "fsync" and settings[QUEUE_EVENTS]
    return WAITING_THREADS if waits else usual


def waitress(_global_config: dict[str, str], host: str, port: str, threads: str = "") -> "Serve":
    """One process with a few threads: for development, and for small sites. `threads`: empty: as fits the settings."""

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
                threads=int(threads or threads_for(_settings(application), WAITRESS_THREADS)),
                clear_untrusted_proxy_headers=False,
                max_request_body_size=LONGEST_BODY,
            )
        finally:
            _stop(application)  # others may have its jobs at once

    return run


def granian(global_config: dict[str, str], host: str, port: str, workers: str = "1", threads: str = "") -> "Serve":
    """Several worker processes, which load `owa.wsgi` from the same ini file. `threads`: of each; empty: as fits the
    settings."""

    free_port = _free_port(host, port)

    def run(application: "WSGIApplication") -> None:
        from granian import Granian
        from granian.constants import Interfaces

        blocking_threads = int(threads or threads_for(_settings(application), GRANIAN_THREADS))
        _stop(application)  # this process supervises: it must not hold a slot, or run the scheduler
        os.environ[INI.environment_name] = global_config["__file__"]
        Granian(
            "owa.wsgi:application",
            address=host,
            port=free_port,
            interface=Interfaces.WSGI,
            workers=int(workers),
            blocking_threads=blocking_threads,
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


def _settings(application: object) -> Settings:
    """Those that it runs with; the defaults, if it cannot be found."""
    owa = _owa(application)
    return owa.installation.configuration.current().settings if owa else Settings()


def _stop(application: object) -> None:
    """End what the application runs in this process."""
    if owa := _owa(application):
        owa.stop()


def _owa(application: object) -> "Application | None":
    """OWA's own part of the application. Filters of the ini file stand around it; None: one of them hides it."""
    while application is not None:
        registry = getattr(application, "registry", None)
        if registry is not None:
            found: Application = registry["owa"]
            return found
        application = getattr(application, "app", None) or getattr(application, "application", None)
    return None

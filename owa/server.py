"""Servers for ini files: `[server:main] use = egg:owa#waitress`, or `egg:owa#granian`.

Both take `host`, `port` and their number of threads or workers; the environment's PORT beats the file's port.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from owa.app import INI

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    Serve = Callable[[WSGIApplication], None]

PORT = "PORT"


def waitress(_global_config: dict[str, str], host: str, port: str, threads: str = "4") -> "Serve":
    """One process with a few threads: for development, and for small sites."""

    def run(application: "WSGIApplication") -> None:
        import waitress

        # Waitress would drop X-Forwarded-For, which OWA judges itself: by OWA_TRUSTED_PROXIES.
        waitress.serve(
            application, host=host, port=_port(port), threads=int(threads), clear_untrusted_proxy_headers=False
        )

    return run


def granian(global_config: dict[str, str], host: str, port: str, workers: str = "1") -> "Serve":
    """Several worker processes, which load `owa.wsgi` from the same ini file."""

    def run(application: "WSGIApplication") -> None:
        from granian import Granian
        from granian.constants import Interfaces

        _stop_in_parent(application)
        os.environ[INI.environment_name] = global_config["__file__"]
        Granian(
            "owa.wsgi:application",
            address=host,
            port=_port(port),
            interface=Interfaces.WSGI,
            workers=int(workers),
            blocking_threads=1,
            respawn_failed_workers=True,
        ).serve()

    return run


def _port(configured: str) -> int:
    return int(os.environ.get(PORT) or configured)


def _stop_in_parent(application: "WSGIApplication") -> None:
    """`pserve` has built the application in the supervising process too, which serves nothing: it must not hold a slot
    or run the scheduler."""
    registry = getattr(application, "registry", None)
    if registry is not None:
        registry["owa"].stop()

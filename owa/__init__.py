"""Open Web Analytics: event queueing and event processing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def main(_global_config: dict[str, str], **settings: str) -> "WSGIApplication":
    """The WSGI factory of ini files (`[app:main] use = egg:owa`). `settings` is that section."""
    import os

    from owa.app import open_installation, serve
    from owa.errors import OwaError

    try:
        return serve(open_installation(os.environ, settings))
    except OwaError as error:
        raise SystemExit(str(error)) from error

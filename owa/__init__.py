"""Open Web Analytics: event queueing and event processing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def main(_global_config: dict[str, str], **settings: str) -> "WSGIApplication":
    """The WSGI factory of ini files (`[app:main] use = egg:owa`). `settings` is that section."""
    import gc
    import os

    from owa.app import open_installation, serve
    from owa.errors import OwaError

    try:
        application = serve(open_installation(os.environ, settings))
    except OwaError as error:
        raise SystemExit(str(error)) from error
    gc.collect()
    gc.freeze()  # what is loaded stays: to look at it again takes 50 ms, each time, while visitors wait
    return application

"""Starts the child process of a module."""

import os
import time
from collections.abc import Callable

from owa.configuration import ConfigurationKeeper
from owa.contributions import PROCESSING, QueueContext
from owa.delivery.conversation import LOOK, Spoiled, Stopped, printed
from owa.delivery.process import ChildProcess, Ended
from owa.delivery.protocol import Broken, Ready, Setup, configure
from owa.delivery.settings import HANDLER_MEMORY
from owa.errors import Outage
from owa.processors import allowed_processors
from owa.queues.settings import DURABILITY
from owa.registry import Registry

START_PATIENCE = 60.0
"""Seconds that a module may take to load."""


def start_child(
    module: str, configuration: ConfigurationKeeper, context: QueueContext, is_stopped: Callable[[], bool]
) -> ChildProcess:
    """A child that is ready for work. `context`: of the processing queue. Raises `Spoiled`; `Stopped`; `Outage` when
    this machine has no room for a process."""
    try:
        child = ChildProcess(module)
    except OSError as error:
        raise Outage(f"No process can be started for event handlers: {error.strerror}.") from error
    try:
        child.send(_setup(module, configuration, context))
        _wait(child, is_stopped)
        child.send(configure(configuration.current()))
    except BaseException as error:
        child.kill()
        if isinstance(error, Ended):
            problem = f"{module} cannot be loaded for its event handlers: {error}"
            raise Spoiled(problem, printed(child)) from error
        raise
    return child


def _wait(child: ChildProcess, is_stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + START_PATIENCE
    while (message := child.receive(LOOK)) is None:
        if is_stopped():
            raise Stopped
        if time.monotonic() > until:
            child.dump()
            raise Ended(f"that did not end within {START_PATIENCE:g} s")
    if isinstance(message, Broken):
        raise Spoiled(message.error, message.trace)
    if not isinstance(message, Ready):
        raise Ended(f"it said {type(message).__name__} out of turn")


def _setup(module: str, configuration: ConfigurationKeeper, context: QueueContext) -> Setup:
    registry, now = configuration.registry, configuration.current()
    return Setup(
        module=module,
        modules=sorted({registry.owner(PROCESSING), *_required(registry, module)}),
        switches=dict(now.modules),
        database_url=context.database.url.render_as_string(hide_password=False),
        is_durable=now.settings[DURABILITY] == "fsync",
        queue_folder=str(context.folder),
        memory=now.settings[HANDLER_MEMORY],
        processors=allowed_processors(),
        python_path=os.environ.get("PYTHONPATH"),
    )


def _required(registry: Registry, module: str) -> set[str]:
    """The module, and all that it needs."""
    found, new = set[str](), {module}
    while new:
        found |= new
        abouts = [registry.modules[name].about for name in new if name in registry.modules]
        new = {name for about in abouts if about for name in about.requires} - found
    return found

"""What an event handler may use."""

from owa.settings import integer

HANDLER_TIMEOUT = integer(
    "base.handler_timeout",
    default=10,
    least=1,
    most=3_600,
    help="An event handler of a module that works on one event for longer is ended, and the event counts as failed.",
    label="Longest time of a handler",
    group="Modules",
    unit="seconds",
)
HANDLER_MEMORY = integer(
    "base.handler_memory",
    default=1_024,
    least=256,
    most=1_048_576,
    help="Address space of the process in which a module's event handlers run. It needs about 200 for itself.",
    label="Memory of handlers",
    group="Modules",
    unit="MB",
)
SETTINGS = (HANDLER_TIMEOUT, HANDLER_MEMORY)

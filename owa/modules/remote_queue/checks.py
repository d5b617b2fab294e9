"""Whether events are forwarded, and what to do when they are not."""

from owa.module_api import (
    QUEUE_EVENTS,
    HealthCheck,
    ModuleContext,
    ModuleTest,
    Problem,
)
from owa.modules.remote_queue.health import read_health
from owa.modules.remote_queue.queue import FOLDER, open_remote_queue
from owa.modules.remote_queue.settings import ENDPOINT


def check_mode(context: ModuleContext) -> Problem | None:
    """In synchronous mode, events are processed here."""
    if context.settings[QUEUE_EVENTS]:
        return None
    return Problem(
        "This server is in synchronous mode: it processes events itself, and forwards none.",
        "Switch to asynchronous mode, on the page Remote Queue.",
    )


def check_endpoint(context: ModuleContext) -> Problem | None:
    """What the last try to forward came to."""
    health = read_health(context.folder / FOLDER)
    return Problem(f"Events are not forwarded: {health.error}", health.remedy) if health.error else None


def try_endpoint(context: ModuleContext) -> str:
    """Send a signed batch without events. Raises `QueueUnavailable`."""
    queue = open_remote_queue(context)
    try:
        started = context.clock.now()
        queue.probe()
        return f"{context.settings[ENDPOINT]} has answered well, in {(context.clock.now() - started) / 1_000:.0f} ms."
    finally:
        queue.close()


CHECKS = [HealthCheck("asynchronous mode", check_mode), HealthCheck("the other server", check_endpoint)]
TEST = ModuleTest("Test the connection", try_endpoint)

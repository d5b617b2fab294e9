"""The child process: `python -m owa.delivery.child MODULE COMMANDS REPORTS`, with the numbers of two pipes.

It loads one module, and nothing of other third parties. It ends when its parent does, however that ends.
"""

import ctypes
import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from queue import Queue
from threading import Event as Flag
from threading import Thread

from owa.clock import SystemClock
from owa.contributions import PROCESSING, EventHandler, QueueContext
from owa.db.engine import Database
from owa.db.modules import Switch
from owa.delivery.protocol import (
    DUMP,
    Broken,
    Configure,
    Message,
    Ready,
    Setup,
    Stop,
    Try,
    Work,
    configured,
    decode,
    encode,
)
from owa.delivery.running import Runner
from owa.delivery.storing import Store
from owa.errors import ModuleError, told
from owa.registry import Registry, discover, load
from owa.settings import Settings

_SIGNAL_AT_PARENTS_END = 1
"""PR_SET_PDEATHSIG, of Linux."""


class Channel:
    """The child's end of both pipes."""

    def __init__(self, commands: int, reports: int) -> None:
        for descriptor in (commands, reports):
            os.set_inheritable(descriptor, False)  # what a handler starts must not hold them open
        self._commands = FileIO(commands)
        self._reports = reports
        self._queue: Queue[Message] = Queue()
        self._stop = Flag()

    def start(self) -> None:
        """Listen."""
        Thread(target=self._listen, name="owa-commands", daemon=True).start()

    def receive(self) -> Message:
        """The next command."""
        return self._queue.get()

    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def report(self, message: Message) -> None:
        line = memoryview(encode(message))
        while line:
            line = line[os.write(self._reports, line) :]

    def _listen(self) -> None:
        rest = b""
        while part := os.read(self._commands.fileno(), 65_536):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                message = decode(line)
                if isinstance(message, Stop):
                    self._stop.set()
                self._queue.put(message)
        os.killpg(0, signal.SIGKILL)  # the parent is gone: this process ends, and what its handlers have started


def main() -> None:
    module, commands, reports = sys.argv[1:]
    _end_with(os.getppid())
    # It ends when its parent says so. The handler is a function, so that what a module starts has the default again.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    kept = os.fdopen(os.dup(2), "wb", closefd=False)
    faulthandler.enable(kept)
    faulthandler.register(DUMP, kept, all_threads=False)
    channel = Channel(int(commands), int(reports))
    channel.start()
    setup = channel.receive()
    assert isinstance(setup, Setup)
    assert setup.module == module
    _serve(channel, setup)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # without waiting for threads that a module has started


def _serve(channel: Channel, setup: Setup) -> None:
    _limit(setup)
    runner = _runner(channel, setup)
    if runner is None:
        return
    channel.report(Ready())
    while True:
        match channel.receive():
            case Configure() as message:
                runner.configuration = configured(message)
            case Work() as work:
                if not runner.work(work, channel.is_stopped):
                    return
            case Try() as message:
                runner.rehearse(message)
            case _:
                return


def _limit(setup: Setup) -> None:
    if setup.python_path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = setup.python_path
    with suppress(OSError):
        os.sched_setaffinity(0, setup.processors)  # the parent may be pinned to one
    if setup.memory:
        size = setup.memory * 1_024 * 1_024
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _runner(channel: Channel, setup: Setup) -> Runner | None:
    """None: the module cannot be loaded, and the parent knows."""
    try:
        registry = _load(setup)
        handlers = _handlers(registry, setup.module)
        database, reader = [Database(setup.database_url, makes_file=False) for _ in range(2)]
        reader.only_read()
        if setup.is_durable:
            database.survive_power_loss()
        clock = SystemClock()
        context = QueueContext(PROCESSING, Settings(), database, clock, Path(setup.queue_folder))
        retries = registry.retry_queue_type(PROCESSING).open(context)
    except BaseException as error:
        line, trace = (str(error), "") if isinstance(error, ModuleError) else told(error)
        channel.report(Broken(line, trace))
        return None
    report: Callable[[Message], None] = channel.report
    return Runner(handlers, Store(database, retries, clock, report), reader, clock, setup.memory, report)


def _load(setup: Setup) -> Registry:
    """What is built in, and of third parties only what is needed."""
    found = {
        name: candidates
        for name, candidates in discover().items()
        if name in setup.modules or candidates[0].is_built_in
    }
    return load({name: Switch(switch) for name, switch in setup.switches.items()}, found)


def _handlers(registry: Registry, module: str) -> Mapping[str, EventHandler]:
    """Raises `ModuleError` when the module does not work."""
    loaded = registry.modules.get(module)
    if loaded is None:
        raise ModuleError(f"The module {module} is not installed any more.")
    if loaded.error:
        raise ModuleError(loaded.error)
    return {key: handler for key, handler in registry.event_handlers if key.partition(":")[0] == module}


def _end_with(parent: int) -> None:
    """When the parent ends, however it does, so does this process."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SIGNAL_AT_PARENTS_END, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()

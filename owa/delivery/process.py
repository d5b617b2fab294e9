"""A child process, as its parent sees it."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress

from owa.delivery.protocol import DUMP, Message, decode, encode
from owa.errors import storable

OUTPUT = 4_096
"""Bytes that are kept of what it prints: the last ones."""

DUMP_PATIENCE = 1.0
"""Seconds that a child has to say where it hangs."""

SEND_PATIENCE = 30.0
"""Seconds that it has to listen."""

_PART = 65_536


class Ended(Exception):
    """The child has ended, or does not listen any more."""


class ChildProcess:
    """To be used, and to be ended, by the thread that has started it: the child ends with that thread."""

    def __init__(self, module: str) -> None:
        """Start it; it waits for its `Setup`, and has to say that it is ready. Raises `OSError`."""
        commands, self._commands = os.pipe()
        self._reports, reports = os.pipe()
        self._output = b""
        self._rest = b""
        self._messages: deque[Message] = deque()
        self._is_closed = False
        words = ["-u", "-P", "-m", "owa.delivery.child", module, str(commands), str(reports)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(commands, reports),
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        except BaseException:
            os.close(self._commands)
            os.close(self._reports)
            raise
        finally:
            os.close(commands)
            os.close(reports)
        assert self._process.stdout is not None
        self._printed = self._process.stdout
        os.set_blocking(self._commands, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reports, selectors.EVENT_READ)
        self._selector.register(self._printed, selectors.EVENT_READ)

    @property
    def output(self) -> str:
        """The last that it printed."""
        return storable(self._output.decode(errors="replace"))

    def send(self, message: Message) -> None:
        """Raises `Ended`."""
        line = memoryview(encode(message))
        until = time.monotonic() + SEND_PATIENCE
        while line:
            try:
                line = line[os.write(self._commands, line) :]
            except BlockingIOError:
                self._read(0.01)
                if time.monotonic() > until:
                    raise Ended("it did not listen") from None
            except BrokenPipeError:
                raise Ended(self._how()) from None

    def receive(self, patience: float) -> Message | None:
        """What it says next; None: nothing, for so many seconds. Raises `Ended` when it will say no more."""
        until = time.monotonic() + patience
        while not self._messages:
            self._read(max(0.0, min(until - time.monotonic(), 0.5)))
            if not self._messages and self._process.poll() is not None:
                self._read(0.0)
                if not self._messages:
                    raise Ended(self._how())
            if time.monotonic() >= until:
                break
        return self._messages.popleft() if self._messages else None

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def dump(self) -> None:
        """Have it print where it is, as far as it can still say so."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, DUMP)
        until = time.monotonic() + DUMP_PATIENCE
        last = b""
        while time.monotonic() < until and (last != self._output or b"most recent call first" not in last):
            last = self._output
            self._read(0.2)

    def kill(self) -> None:
        """End it and what it has started, at once. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(Ended):
            self._read(0.0)
        self._selector.close()
        self._printed.close()
        with suppress(OSError):
            os.close(self._commands)
        with suppress(OSError):
            os.close(self._reports)

    def end(self, patience: float) -> None:
        """Wait until it has ended by itself; else, and for what it has started, `kill`."""
        until = time.monotonic() + patience
        while self._process.poll() is None and time.monotonic() < until:
            self._read(0.05)
        self.kill()

    def _read(self, patience: float) -> None:
        """Take in what is there."""
        for key, _events in self._selector.select(patience):
            part = os.read(key.fd, _PART)
            if not part:
                self._selector.unregister(key.fileobj)
            elif key.fd == self._reports:
                *lines, self._rest = (self._rest + part).split(b"\n")
                self._take_in(lines)
            else:
                self._output = (self._output + part)[-OUTPUT:]

    def _take_in(self, lines: list[bytes]) -> None:
        try:
            self._messages += map(decode, lines)
        except ValueError as error:
            raise Ended("it wrote into the pipe to its parent") from error

    def _how(self) -> str:
        """How it ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.returncode
        self._read(0.0)
        if status is None:
            return "its process closed its pipes"
        if status >= 0:
            return f"it ended its process (exit status {status})"
        with suppress(ValueError):
            name = signal.Signals(-status).name
            hint = ": was there too little memory?" if name == "SIGKILL" else ""
            return f"its process was ended by {name}{hint}"
        return f"its process was ended by signal {-status}"

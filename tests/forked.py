"""Processes of their own that need not load OWA first, which takes a second of the processor: a server of ours that
has loaded it forks them. What they run, and all that it runs on, is the same."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock

CONTEXT = multiprocessing.get_context("forkserver")
"""Its children inherit no thread and no open file of the tests."""
CONTEXT.set_forkserver_preload(["tests.warm", "tests.faults.processes", "tests.faults.aftermath"])

Program = Callable[[list[str]], int]
"""Takes the words of its command line, returns the exit status. A function of a module."""

_lock = Lock()
"""`multiprocessing` reads an exit status only once, whoever asks: no two threads may ask at once."""


class Forked:
    """A running program, to be handled as a `subprocess.Popen`. It leads a process group of its own."""

    def __init__(
        self, program: Program, words: list[str], cwd: Path, variables: Mapping[str, str], stdout: Path, stderr: Path
    ) -> None:
        """`variables`: all of its environment. A folder in PYTHONPATH is searched first, as for a process that is
        started; of Python's other variables it heeds `PYTHONWARNINGS=error`."""
        self._process = CONTEXT.Process(target=_become, args=(program, words, cwd, dict(variables), stdout, stderr))
        with _lock:
            self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        with _lock:
            return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit status. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if not wait([self._process.sentinel], deadline - time.monotonic()) and time.monotonic() > deadline:
                raise TimeoutError(f"{self.pid} runs on")
        return status

    def terminate(self) -> None:
        with _lock:
            self._process.terminate()


def _become(
    program: Program, words: list[str], cwd: Path, variables: dict[str, str], stdout: Path, stderr: Path
) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    for number, path in ((1, stdout), (2, stderr)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    if "PYTHONPATH" in variables:
        sys.path[:0] = variables["PYTHONPATH"].split(os.pathsep)
        importlib.invalidate_caches()
    if variables.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    status = program(words)
    gc.collect()  # what was not closed complains
    sys.exit(status)

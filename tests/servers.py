"""Real servers and commands, each on a data folder of its own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import pytest

from owa.cli import main
from tests.forked import CONTEXT, Forked, Program

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
DOMAIN = "http://127.0.0.1:18080"
SITE_ID = "c8ff781bf277f1376b21a5878b85b45d"
"""Of that domain; the recorded requests have it."""
PASSWORD = "a password for tests"
"""Of the account `admin`."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
PATIENCE = 60.0
"""Seconds that a server may take to answer or to stop, on a busy machine."""

_session_ids = itertools.count(1_795_291_324_000_000_001)


def environment(**variables: str) -> dict[str, str]:
    """Ours without what the shell or `make test` set for itself."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OWA_", "MAKE", "MFLAGS"))}
    ours.pop("PORT", None)
    return ours | variables


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def session_id() -> str:
    """A new one."""
    return str(next(_session_ids))


def page_view(**parameters: str) -> dict[str, str]:
    """The parameters of a view of a page of its own that opens a session, unless `parameters` say otherwise."""
    session = session_id()
    return {
        "owa_event_type": "base.page_request",
        "owa_site_id": SITE_ID,
        "owa_visitor_id": "1795291324477040379",
        "owa_session_id": session,
        "owa_is_new_session": "true",
        "owa_page_url": f"{DOMAIN}/{session}",
        "owa_page_title": "A page",
    } | {f"owa_{name}": value for name, value in parameters.items()}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: HTTPMessage
    """Whatever their case; None for one that is absent."""
    body: bytes


@dataclass(frozen=True)
class Result:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(words: list[str], cwd: Path, variables: Mapping[str, str]) -> Result:
    """Run a program to its end."""
    done = subprocess.run(
        words, cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=120, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run_forked(program: Program, words: list[str], cwd: Path, variables: Mapping[str, str]) -> Result:
    """Run a function as a program, to its end."""
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        status = Forked(program, words, cwd, environment(**variables), stdout, stderr).wait(120)
        return Result(status, stdout.read_text(), stderr.read_text())


def pserve(words: list[str]) -> int:
    """Pyramid's program that serves an ini file."""
    from pyramid.scripts.pserve import main

    return int(main(["pserve", *words]) or 0)


class Server:
    """A server in a process of its own. As a context manager it is stopped at the end, and must have left no trace."""

    def __init__(
        self,
        words: list[str],
        cwd: Path,
        log: Path,
        variables: Mapping[str, str],
        prefix: str = "",
        program: Program | None = None,
    ) -> None:
        """Returns when it answers. `words`: what `program` takes; a command line if there is none. `prefix`: the path
        that it is served under."""
        self.port = free_port()
        self.prefix = prefix
        self._log = log
        self._output = log.with_suffix(".stdout")
        words = [word.replace("{port}", str(self.port)) for word in words]
        surrounding = environment(PORT=str(self.port), **variables)
        self.process: subprocess.Popen[bytes] | Forked
        if program:
            log.touch()
            self.process = Forked(program, words, cwd, surrounding, self._output, log)
        else:
            with log.open("wb") as stderr, self._output.open("wb") as stdout:
                self.process = subprocess.Popen(
                    words, cwd=cwd, env=surrounding, stdout=stdout, stderr=stderr, start_new_session=True
                )
        try:
            wait_until(self._answers, f"{words} does not answer")
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        assert "Traceback" not in self.stderr, self.stderr

    @property
    def stderr(self) -> str:
        return self._log.read_text()

    @property
    def stdout(self) -> str:
        return self._output.read_text()

    @property
    def complaints(self) -> list[str]:
        """The lines of its log, but for the one with which it starts."""
        return [line for line in self.stderr.splitlines() if not line.startswith("Starting server in PID")]

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to it and its workers."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait(PATIENCE)

    def request(
        self,
        method: str,
        path: str = "/log.php",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, self.prefix + path, body, {"User-Agent": BROWSER} | dict(headers or {}))
            return _answer(connection.getresponse())

    def track(self, parameters: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send an event as the tracker does: a POST with all in the query."""
        return self.request("POST", "/log.php?" + urlencode(parameters or page_view()), headers=headers)

    def send(self, data: bytes) -> Answer:
        """Send bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(data)
            with closing(HTTPResponse(connection, method=data.partition(b" ")[0].decode())) as response:
                response.begin()
                return _answer(response)

    def replay(self, fixture: str) -> Answer:
        """Send a recorded request, with the headers that it had."""
        return self.send((FIXTURES / fixture).read_bytes())

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.stderr}"
        try:
            return self.request("GET", "/blank.php").status == 200
        except (OSError, HTTPException):
            return False


def _answer(response: HTTPResponse) -> Answer:
    return Answer(response.status, response.headers, response.read())


@dataclass
class Installation:
    """A data folder, with the commands and servers that work on it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Environment of all of its processes."""

    @property
    def data_dir(self) -> Path:
        return self.folder / "owa-data"

    @property
    def database(self) -> Path:
        return self.data_dir / "owa.db"

    def environment(self, **variables: str) -> dict[str, str]:
        return {"OWA_DATA_DIR": str(self.data_dir)} | self.variables | variables

    def cli(self, *words: str, **variables: str) -> Result:
        """Run a command in a process of its own. Python's warnings are errors."""
        return run_forked(main, [*words], self.folder, {"PYTHONWARNINGS": "error"} | self.environment(**variables))

    def cron(self, *words: str, **variables: str) -> Result:
        """The same with a Python that starts, as cron does it: by cli.py, from another folder, without a terminal."""
        command = [sys.executable, str(ROOT / "cli.py"), *words]
        return run(command, self.folder, {"PYTHONWARNINGS": "error"} | self.environment(**variables))

    def drain(self, **variables: str) -> None:
        """As cron does; all must go well."""
        assert self.cli("cmd=processEventQueue", **variables) == Result(0, "", "")

    def status(self) -> Any:
        """What queue-status says."""
        return self.cli("cmd=queue-status", "format=json").json

    def counts(self) -> dict[tuple[str, str], int]:
        """How many events met which (outcome, reason), over all sites."""
        rows = self.query("SELECT outcome, reason, sum(count) AS count FROM owa_event_count GROUP BY 1, 2")
        return {(row["outcome"], row["reason"]): row["count"] for row in rows}

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, parameters)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows by id, without the columns that are NULL."""
        found = self.query(f"SELECT * FROM {table} ORDER BY id")
        return [{name: value for name, value in row.items() if value is not None} for row in found]

    def request_of(self, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """The row of `owa_request` that an event with these parameters left. Never more than one."""
        found = self.query("SELECT * FROM owa_request WHERE session_id = ?", int(parameters["owa_session_id"]))
        assert len(found) <= 1
        return found[0] if found else None

    def title_of(self, parameters: Mapping[str, str]) -> str:
        """The title of the page that an event with these parameters is about."""
        row = self.request_of(parameters)
        assert row is not None
        found = self.query("SELECT page_title FROM owa_document WHERE id = ?", int(row["document_id"]))
        return str(found[0]["page_title"])

    def serve(self, ini: Path | str = "development.ini", prefix: str = "", **variables: str) -> Server:
        """What `make run` serves. With another ini file a Python of its own starts for it."""
        if ini == "development.ini":
            return self.fork(pserve, ["development.ini"], prefix, **variables)
        return self.start(["-m", "pyramid.scripts.pserve", str(ini)], prefix, sys.executable, ROOT, **variables)

    def start(
        self, words: list[str], prefix: str = "", python: str = sys.executable, cwd: Path = ROOT, **variables: str
    ) -> Server:
        """A server that Python starts with these words; `{port}` in them becomes its port."""
        return Server([python, *words], cwd, self._new_log(), self.environment(**variables), prefix)

    def fork(self, program: Program, words: list[str], prefix: str = "", **variables: str) -> Server:
        """A server that needs no Python of its own."""
        return Server(words, ROOT, self._new_log(), self.environment(**variables), prefix, program)

    def _new_log(self) -> Path:
        return self.folder / f"{time.time_ns()}.stderr"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as `install` leaves it; to be copied, since installing takes two seconds."""
    installation = Installation(tmp_path_factory.mktemp("installed"))
    done = installation.cli("cmd=install", f"domain={DOMAIN}", f"password={PASSWORD}", "format=json")
    assert (done.status, done.err) == (0, "")
    assert done.json["site_id"] == SITE_ID
    return installation.data_dir


Install = Callable[..., Installation]


@pytest.fixture(scope="session")
def install(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Makes a new installation; its keywords are the environment of all of its processes."""

    def make(**variables: str) -> Installation:
        installation = Installation(tmp_path_factory.mktemp("owa"), variables)
        shutil.copytree(installed, installation.data_dir)
        return installation

    return make


@pytest.fixture
def queueing(install: Install) -> Installation:
    """An installation in asynchronous mode that is drained by nobody but the test."""
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")


@pytest.fixture
def storing(install: Install) -> Installation:
    """An installation in synchronous mode, without a scheduler."""
    return install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0")


def send_events(port: int, first: int, count: int) -> list[int]:
    """Send page views with the session ids from `first` on, each when the one before was answered; returns the ids of
    those that were answered with 2xx. For a process of its own."""
    accepted = []
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        for session in range(first, first + count):
            if session % 1_000 == 0:
                connection.close()  # it opens a new one by itself, which may lead to another worker
            query = urlencode(page_view(session_id=str(session), visitor_id=str(session // 3)))
            connection.request("POST", f"/log.php?{query}", headers={"User-Agent": BROWSER})
            with connection.getresponse() as response:
                response.read()
            if 200 <= response.status < 300:
                accepted.append(session)
    return accepted


def senders(count: int) -> ProcessPoolExecutor:
    """Processes that send at once."""
    return ProcessPoolExecutor(count, CONTEXT)


def wait_until(condition: Callable[[], object], complaint: str, patience: float = PATIENCE) -> None:
    """Look ten times a second until `condition` holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.1)

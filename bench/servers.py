"""Servers as processes of their own, pinned to a processor, and the client on another one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measuring import Absent, NotDone, check
from owa.server import GRANIAN_THREADS

PATIENCE = 60.0
"""Seconds that a server may take to start, and a client to end."""

PROCESSORS = sorted(os.sched_getaffinity(0))
SERVER, CLIENT = {PROCESSORS[0]}, {PROCESSORS[-1]}
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format tracking '$remote_addr $time_iso8601 "$request" $status "$http_user_agent" "$http_referer" $host';
    access_log {folder}/access.log tracking;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    server {{ listen 127.0.0.1:{port}; location = /log.php {{ empty_gif; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A server."""

    port: int
    process: int

    def cpu(self) -> float:
        """Seconds of CPU of the server and those that it has started, since their start."""
        return sum(_cpu(process) for process in _family(self.process))


@contextmanager
def granian(
    target: str,
    environment: Mapping[str, str],
    workers: int = 1,
    pinned: bool = True,
    threads: int = GRANIAN_THREADS,
) -> Iterator[Served]:
    """`target` as `module:name`. `threads`: of each worker."""
    port = _free_port()
    words = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--workers",
        str(workers),
        "--blocking-threads",
        str(threads),
    ]
    words += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--no-ws", target]
    with _running(words, port, environment, SERVER if pinned else set(PROCESSORS)) as served:
        yield served


@contextmanager
def nginx(folder: Path) -> Iterator[Served]:
    """`empty_gif`, and an access log line with the query. Raises `Absent`."""
    if NGINX is None:
        raise Absent("there is no nginx here")
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port))
    with _running([NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder)], port, {}, SERVER) as served:
        yield served


def ask(port: int, requests: Sequence[str], connections: int, count: int) -> dict[str, Any]:
    """What the client tells. Raises `NotDone` when not all is answered by 200 or 204."""
    orders = {"port": port, "requests": list(requests), "connections": connections, "count": count}
    words = [sys.executable, "-m", "bench.client"]
    done = subprocess.run(
        words,
        input=json.dumps(orders).encode(),
        capture_output=True,
        check=False,
        timeout=PATIENCE * 5,
        preexec_fn=_pinned(CLIENT),
    )
    if done.returncode:
        raise NotDone(f"The client has failed: {done.stderr.decode()[-300:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    check(sum(told["statuses"].get(status, 0) for status in ("200", "204")), count, "requests answered")
    return told


@contextmanager
def _running(words: list[str], port: int, environment: Mapping[str, str], processors: set[int]) -> Iterator[Served]:
    process = subprocess.Popen(
        words, env={**os.environ, **environment}, stderr=subprocess.PIPE, preexec_fn=_pinned(processors)
    )
    try:
        _await(port, process)
        yield Served(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()


def _pinned(processors: set[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, processors)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(b"GET /blank.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if connection.recv(100):
                    return
        except OSError:
            time.sleep(0.05)
    raise NotDone(f"The server does not start: {process.args!r}.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _family(process: int) -> list[int]:
    children = [
        child
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in map(int, (task / "children").read_text().split())
    ]
    return [process, *(one for child in children for one in _family(child))]


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

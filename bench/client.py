"""A load generator: `python -m bench.client`, a process of its own, with a request under way on each connection.

Reads its orders from standard input, and writes what came of them to standard output, both as JSON. In Python, so it is
slower than the servers that it asks: it tells latencies, and keeps them busy; what they can do is told by their own CPU
time.
"""

import json
import select
import socket
import sys
import time
from typing import Any


class Connection:
    """Keeps one request under way."""

    def __init__(self, port: int, requests: list[bytes], first: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._next = first
        self._sent_at = 0.0
        self._received = b""

    def send(self) -> None:
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[int, float] | None:
        """Status and seconds, when the answer is whole."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("The server has closed the connection.")
        self._received += part
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return None
        self._received = b""
        return int(head[9:12]), time.perf_counter() - self._sent_at


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def ask(port: int, requests: list[bytes], connections: int, count: int) -> dict[str, Any]:
    """`count` requests over so many connections: seconds, statuses, latencies."""
    share = max(1, len(requests) // connections)
    clients = [Connection(port, requests, number * share) for number in range(connections)]
    poll = select.epoll()
    by_descriptor = {client.socket.fileno(): client for client in clients}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    statuses: dict[str, int] = {}
    latencies: list[float] = []
    started = time.perf_counter()
    for client in clients:
        client.send()
    sent = connections
    while len(latencies) < sent:
        for descriptor, _ in poll.poll(30):
            client = by_descriptor[descriptor]
            if answer := client.receive():
                status, seconds = answer
                statuses[str(status)] = statuses.get(str(status), 0) + 1
                latencies.append(seconds)
                if sent < count:
                    client.send()
                    sent += 1
    elapsed = time.perf_counter() - started
    latencies.sort()
    return {
        "seconds": elapsed,
        "statuses": statuses,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }


def main() -> None:
    orders = json.load(sys.stdin)
    requests = [request.encode() for request in orders["requests"]]
    json.dump(ask(orders["port"], requests, orders["connections"], orders["count"]), sys.stdout)


if __name__ == "__main__":
    main()

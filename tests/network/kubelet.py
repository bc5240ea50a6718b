"""A stand-in for a kubelet that serves logs: an API server passes on what is asked of it."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests import authorities

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 0.05


class Kubelet:
    """The logs of pods, which a test writes.

    Attributes:
        asked: The queries that were asked, in order.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[dict[str, list[str]]] = []
        self._logs: dict[str, list[str]] = {}
        self._connection = 0
        self._news = threading.Condition()
        self.over = False
        self._count = 0

    def say(self, pod: str, text: str) -> None:
        with self._news:
            self._count += 1
            self._logs.setdefault(pod, []).append(f"2026-01-01T00:00:00.{self._count:09d}Z {text}\n")
            self._news.notify_all()

    def forget(self, pod: str) -> None:
        """Begin a new log, as for a new run of a container; connections to the old one end."""
        with self._news:
            self._logs.pop(pod, None)
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections."""
        with self._news:
            self._connection += 1
            self._news.notify_all()

    def log(self, pod: str) -> Iterator[str]:
        """Yield all lines of a pod, and then those to come."""
        shown = 0
        with self._news:
            begun = self._connection
        while True:
            with self._news:
                lines = self._logs.get(pod, [])
                if self.over or self._connection != begun:
                    return
                if len(lines) == shown:
                    self._news.wait(_SECONDS)
                    continue
            yield lines[shown]
            shown += 1


@contextmanager
def serving(folder: Path) -> Iterator[Kubelet]:
    """Serve on loopback."""
    kubelet = Kubelet()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            kubelet.asked.append(parse_qs(address.query))
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with suppress(ConnectionError):
                for line in kubelet.log(address.path.split("/")[3]):
                    self.wfile.write(f"{len(line.encode()):x}\r\n{line}\r\n".encode())
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        context = authorities.context(folder, authorities.alone())
        server.socket = context.wrap_socket(server.socket, server_side=True)
        kubelet.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield kubelet
        finally:
            kubelet.over = True
            server.shutdown()
            thread.join()

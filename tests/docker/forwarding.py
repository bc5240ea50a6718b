"""A second address of a server: one connection is forwarded to it."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def forwarding(listen: str, target: str) -> Iterator[None]:
    """Forward one connection from an address to another one, so that the registry has a second name."""
    here, there = ((host, int(port)) for host, _, port in (listen.partition(":"), target.partition(":")))
    server = socket.create_server(here)

    def lead(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content)

    def accept() -> None:
        with contextlib.suppress(OSError):
            source, _ = server.accept()
            sink = socket.create_connection(there)
            threading.Thread(target=lead, args=(sink, source), daemon=True).start()
            with source, sink:
                lead(source, sink)

    threading.Thread(target=accept, daemon=True).start()
    with server:
        yield

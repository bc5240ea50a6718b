"""The exec of an API server in a few lines: each WebSocket runs a program of this machine, as in a container."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlparse

from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# RFC 6455, 1.3: what the server adds to the client's key.
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# The kubelet copies a program's output in such pieces.
_PIECE = 32 << 10
_BINARY, _CLOSE = 0x82, 0x88
# The longest message whose length is in the second byte of its head.
_SHORTEST = 125


class ExecServer:
    """What the server does to programs' output, and which programs it ran."""

    def __init__(self) -> None:
        """Serve as it should be."""
        self.ran: list[list[str]] = []
        # Status and message with which the next program is refused.
        self.refusal: tuple[int, str] | None = None
        # Takes a program and a piece of its output; returns what is sent of it, None to hang up.
        self.spoil: Callable[[str, bytes], bytes | None] = lambda _, piece: piece

    def run(
        self, argv: list[str], send: Callable[[int, bytes], None], given: Callable[[], Iterator[bytes]] | None = None
    ) -> None:
        """Run a program, pass on what it is given, and send its channels, then its status."""
        self.ran.append(argv)
        stdin = subprocess.PIPE if given else None
        with subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            if given:
                threading.Thread(target=_pass_on, args=(given, process), daemon=True).start()
            assert process.stdout
            assert process.stderr
            while piece := os.read(process.stdout.fileno(), _PIECE):
                spoilt = self.spoil(argv[0], piece)
                if spoilt is None:
                    process.kill()
                    return
                send(1, spoilt)
            send(2, process.stderr.read())
        send(3, json.dumps(_status(process.returncode)).encode())
        send(-1, b"")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[ExecServer, Path]]:
    """Serve, and yield what is served with a kubeconfig for it."""
    served = ExecServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if served.refusal:
                self._refuse(*served.refusal)
                return
            key = self.headers["Sec-WebSocket-Key"] + _MAGIC
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest())  # noqa: S324 - as RFC 6455 has it
            self.send_header("Sec-WebSocket-Accept", accept.decode())
            self.end_headers()
            self.close_connection = True
            with suppress(ConnectionError):  # the other side may leave first
                query = parse_qs(urlparse(self.path).query)
                served.run(query["command"], self._send, self._messages if query.get("stdin") == ["true"] else None)

        def _messages(self) -> Iterator[bytes]:
            """Yield what the client sends to the program, without end: the program says when it has enough."""
            while head := self.rfile.read(2):
                size = head[1] & 0x7F
                if size > _SHORTEST:
                    size = int.from_bytes(self.rfile.read(2 if size == _SHORTEST + 1 else 8), "big")
                mask, masked = self.rfile.read(4), self.rfile.read(size)
                payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
                if head[0] & 0x0F == _CLOSE & 0x0F:
                    return
                yield payload[1:]

        def _send(self, channel: int, data: bytes) -> None:
            payload = bytes([channel]) + data if channel >= 0 else b""
            head = bytes([_BINARY if channel >= 0 else _CLOSE])
            self.wfile.write(head + _length(len(payload)) + payload)

        def _refuse(self, status: int, message: str) -> None:
            served.refusal = None
            body = json.dumps({"kind": "Status", "message": message}, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    config = folder / "kubeconfig"
    config.write_text(json.dumps(kubeconfig(server.server_port)))
    with running(server):
        yield served, config


def _pass_on(given: Callable[[], Iterator[bytes]], process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    with suppress(OSError, ValueError):  # the program or the other side has ended
        for piece in given():
            process.stdin.write(piece)
            process.stdin.flush()


def kubeconfig(port: int) -> dict[str, object]:
    """Return a kubeconfig for a plain HTTP server on loopback."""
    return {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }


def _length(size: int) -> bytes:
    """Return the length field of a frame: 7 bits, or 126 and 16 bits, or 127 and 64 bits."""
    if size < 126:
        return bytes([size])
    return b"\x7e" + struct.pack("!H", size) if size < 1 << 16 else b"\x7f" + struct.pack("!Q", size)


def _status(code: int) -> dict[str, object]:
    if code == 0:
        return {"status": "Success"}
    cause = {"reason": "ExitCode", "message": str(code)}
    return {"status": "Failure", "message": f"exit code {code}", "details": {"causes": [cause]}}

"""The server of the unit tests' Docker engine: HTTP at a UNIX socket, with answers as the engine sends them."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

API_VERSION = "1.43"


class Stream(list[dict[str, Any]]):
    """Events that the engine sends one by one, each in its own chunk."""


class Archive(bytes):
    """A tar archive of one file, with which the engine sends the facts of the file."""

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the file, as the engine sends them."""
        with tarfile.open(fileobj=io.BytesIO(self)) as tar:
            member = tar.getmembers()[0]
        moment = datetime.fromtimestamp(member.mtime, timezone.utc)
        return {"name": Path(member.name).name, "size": member.size, "mtime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


class Asked(Protocol):
    """The object that answers the requests.

    Attributes:
        connections: The open connections.
    """

    connections: set[object]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> tuple[int, Any]:
        """Return the status and the answer to a request: None, a text, an archive, a stream, or a JSON value."""


@contextmanager
def serving(asked: Asked, socket: Path) -> Iterator[None]:
    """Serve requests at a UNIX socket."""
    server = ThreadingUnixStreamServer(str(socket), _handler(asked))
    server.daemon_threads = True
    with running(server):
        yield


def _handler(asked: Asked) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            asked.connections.add(self)
            super().setup()

        def finish(self) -> None:
            super().finish()
            asked.connections.discard(self)

        def _reply(self) -> None:
            url = urlsplit(self.path)
            path = unquote(re.sub(r"^/v\d+\.\d+", "", url.path))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            status, answer = asked.answer(self.command, path, query, body)
            self.send_response(status)
            self.send_header("Api-Version", API_VERSION)
            self.send_header("Content-Type", "application/json")
            if isinstance(answer, Archive):
                facts = base64.b64encode(json.dumps(answer.facts).encode()).decode()
                self.send_header("X-Docker-Container-Path-Stat", facts)
            if isinstance(answer, Stream):
                self._send_chunks(answer)
            else:
                self._send_whole(_body(answer))

        def _send_whole(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        def _send_chunks(self, events: Stream) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for text in [*(f"{json.dumps(event)}\r\n" for event in events), ""]:
                self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _reply  # noqa: N815 - the library requires these names

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _body(answer: Any) -> bytes:
    if isinstance(answer, bytes):
        return answer
    if answer is None or isinstance(answer, str):
        return (answer or "").encode()
    return json.dumps(answer).encode()

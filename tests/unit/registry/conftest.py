"""What tests of the registry share: servers on loopback that answer by table."""

from __future__ import annotations

import http.server
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tasks.engines.programs import waiting
from tests import authorities

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from tests.authorities import Holder


@dataclass
class Site:
    """A server that answers by path.

    Attributes:
        address: Where it is: `host:port`.
        pages: What is there, by path; all else is 404.
        statuses: The status of its answer if it is not the usual one, by path.
        private: The header Authorization that is required, by path; without it, the answer is 401.
        waits_for: Number of requests that have to be there before the first is answered.
        asked: Method, path and header Authorization of each request.
    """

    address: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    waits_for: int = 1
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def status(self, path: str, authorization: str) -> int:
        """Return the status of the answer to a request."""
        if authorization != self.private.get(path, authorization):
            return 401
        return self.statuses.get(path, 200 if path in self.pages else 404)


class Sites:
    """Servers that live as long as a test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def http(self) -> Site:
        return self._stack.enter_context(_serving(None))

    def https(self, issuer: Holder) -> Site:
        """Serve with a certificate that a CA has issued for loopback."""
        return self.https_as(authorities.server(issuer))

    def https_as(self, shown: Holder) -> Site:
        """Serve with this certificate."""
        return self._stack.enter_context(_serving(authorities.context(self._folder, shown)))


@contextmanager
def _serving(context: ssl.SSLContext | None) -> Iterator[Site]:
    site = Site()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site.address = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def _handler(site: Site) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def _reply(self) -> None:
            seen = self.headers.get("Authorization", "")
            site.asked.append((self.command, self.path, seen))
            waiting.until("requests: there", lambda: len(site.asked) >= site.waits_for, bool, deadline=5)
            page = site.pages.get(self.path)
            self.send_response(site.status(self.path, seen))
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else page or b"")

        do_GET = do_HEAD = _reply  # noqa: N815 - names that the library requires

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sites]:
    """A factory of servers that live as long as the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as stack:
        yield Sites(tmp_path, stack)

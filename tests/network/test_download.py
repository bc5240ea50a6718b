"""tasks.engines.files.download against a server on loopback that misbehaves."""

from __future__ import annotations

import hashlib
import http.server
import threading
from typing import TYPE_CHECKING

import pytest
import tenacity

from tasks.engines.files import download
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 8192  # 2 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


class _Handler(http.server.BaseHTTPRequestHandler):
    """Each path misbehaves in its own way; the server counts the requests."""

    server: Server

    def do_GET(self) -> None:
        asked = self.path.strip("/")
        self.server.requests.append((asked, self.headers.get("Range", "")))
        count = sum(1 for one, _ in self.server.requests if one == asked)
        name = asked.rpartition("/")[2]
        getattr(self, f"_{name.replace('-', '_')}")(count)

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, status: int, body: bytes, *, length: int | str = 0, tag: str = '"one"', **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        if tag:
            self.send_header("ETag", tag)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _fine(self, _: int) -> None:
        self._send(200, CONTENT)

    def _unmeasured(self, _: int) -> None:
        """The length in the header is not a number."""
        self._send(200, CONTENT, length="many")

    def _cut(self, count: int) -> None:
        """The connection breaks half way; then the rest is served."""
        if count == 1:
            self._send(200, CONTENT[:HALF], length=len(CONTENT))
        elif self.headers.get("Range") == f"bytes={HALF}-" and self.headers.get("If-Range") == '"one"':
            self._send(206, CONTENT[HALF:])
        else:
            self._send(400, b"")

    def _cut_no_range(self, count: int) -> None:
        """The connection breaks half way, and the server does not support ranges."""
        self._send(200, CONTENT if count > 1 else CONTENT[:HALF], length=len(CONTENT), tag="")

    def _changed(self, count: int) -> None:
        """Half of an earlier content is followed by a whole new content."""
        if count == 1:
            self._send(200, b"x" * HALF, length=len(CONTENT), tag='"zero"')
        else:
            self._send(200, CONTENT)

    def _busy(self, count: int) -> None:
        self._send(200 if count > 2 else 503, CONTENT if count > 2 else b"")

    def _gone(self, _: int) -> None:
        self._send(404, b"<html>not here</html>")

    def _page(self, _: int) -> None:
        self._send(200, b"<html>please log in</html>")

    def _down(self, _: int) -> None:
        self._send(500, b"")


class Server(http.server.ThreadingHTTPServer):
    """A server that records the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(tenacity, "wait_random_exponential", lambda **_: tenacity.wait_none())
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["fine", "cut", "cut-no-range", "changed", "busy", "unmeasured"])
def test_a_file_arrives_whole_whatever_happens_on_the_way(server: Server, tmp_path: Path, name: str) -> None:
    target = download.fetch(server.url(name), tmp_path / "file", sha256=SHA256)
    assert target.read_bytes() == CONTENT
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "file.lock"}


def test_an_interrupted_download_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    download.fetch(server.url("cut"), tmp_path / "file", sha256=SHA256)
    assert server.requests == [("cut", ""), ("cut", f"bytes={HALF}-")]


def test_a_file_that_is_there_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    download.fetch(server.url("fine"), tmp_path / "file", sha256=SHA256)
    assert server.requests == []


def test_a_file_that_was_damaged_is_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"damaged")
    assert download.fetch(server.url("fine"), tmp_path / "file", sha256=SHA256).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="its SHA-256 is"):
        download.fetch(server.url("page"), tmp_path / "file", sha256=SHA256)
    assert not (tmp_path / "file").exists()
    assert not (tmp_path / "file.part").exists()


def test_what_is_not_there_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="404"):
        download.fetch(server.url("gone"), tmp_path / "file", sha256=SHA256)
    assert len(server.requests) == 1


def test_a_server_that_stays_down_is_named_with_its_answer(server: Server) -> None:
    with pytest.raises(Problem, match="not downloaded: 500") as caught:
        download.read(server.url("down"), limit=10)
    assert len(server.requests) == 6
    assert server.url("down") in caught.value.hint


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity, "wait_random_exponential", lambda **_: tenacity.wait_none())
    with pytest.raises(Problem, match="Connection refused"):
        download.read("http://127.0.0.1:1/file", limit=10)


def test_more_than_is_accepted_is_refused(server: Server) -> None:
    with pytest.raises(Problem, match="larger than 1000 bytes"):
        download.read(server.url("fine"), limit=1000)


def test_proxies_are_asked_for_what_is_elsewhere_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url("gone"))
    monkeypatch.setenv("no_proxy", "example.org")
    assert download.read(server.url("page"), limit=1000).startswith(b"<html>")
    with pytest.raises(Problem, match="404"):
        download.read("http://far.example/gone", limit=1000)
    assert [name for name, _ in server.requests] == ["page", "http://far.example/gone"]

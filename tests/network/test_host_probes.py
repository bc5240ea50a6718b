"""Doctor's requests to servers: answered, refused, unanswered, and answered by the wrong host."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host.facts import Host
from tasks.problems import Problem
from tasks.registry import pki
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/none" else 200)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n" if self.path == "/chunks" else b"content")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def test_an_answer_has_status_content_and_time() -> None:
    with serving() as port:
        answer = Host().get(f"http://127.0.0.1:{port}/ca.crt")
        assert Host().get(f"http://127.0.0.1:{port}/none").status == 404
    assert (answer.status, answer.content) == (200, b"content")
    assert answer.date is not None
    assert abs((Host().now() - answer.date).total_seconds()) < 5


def test_an_answer_in_chunks_is_read_up_to_the_most_that_is_asked_for() -> None:
    with serving() as port:
        url = f"http://127.0.0.1:{port}/chunks"
        assert Host().get(url).content == b"con" + b"tent"
        assert Host().get(url, most=5).content == b"conte"


def test_a_refused_connection_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Problem, match="Connection refused"):
        Host().get(f"http://127.0.0.1:{port}/")


def test_a_server_that_says_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Problem, match="timed out"):
        Host().get(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_doctor_ends_and_says_so_where_the_registry_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        registry = {
            "DCI_REGISTRY_ADDR_ALT": f"{address}/images",
            "DCI_REGISTRY_CERT_URL": f"http://{address}/harbor/ca.crt",
        }
        env = {**os.environ, "PROFILE": "physical", **registry}
        command = [str(paths.ROOT / "doit"), "doctor", "--json"]
        done = subprocess.run(command, env=env, capture_output=True, check=False)
    results = {result["name"]: result for result in json.loads(done.stdout)}
    assert done.returncode == 1
    assert results["registry-ca"]["state"] == "FAILED"
    assert "timed out" in results["registry-ca"]["found"]
    assert results["clock"]["state"] == results["registry"]["state"] == "unknown"


@pytest.mark.parametrize(
    ("names", "trusted", "says"),
    [
        (["127.0.0.1"], True, ""),
        (["harbor.example.org"], True, "IP address mismatch"),
        (["127.0.0.1"], False, "unable to get local issuer|self.signed"),
    ],
)
def test_tls_trusts_the_given_ca_only(tmp_path: Path, names: list[str], trusted: bool, says: str) -> None:
    ca, other = (pki.ensure_ca(tmp_path / name, name) for name in ("ca", "other"))
    server = pki.ensure_server(tmp_path / "server", ca, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    chosen = (ca if trusted else other).certificate.read_bytes()
    with serving(context) as port:
        url = f"https://127.0.0.1:{port}/v2/"
        if says:
            with pytest.raises(Problem, match=says):
                Host().get(url, ca=chosen)
        else:
            assert Host().get(url, ca=chosen).status == 200

"""A registry that requires a token, as harbor does: where the token comes from, and who gets the credentials."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tasks.problems import Problem
from tasks.registry import client, pki, server
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "robot$project+pull"
# A name that only a proxy knows.
FAR = "registry.far.example"
BASIC = credentials.Credentials(USER, "secret").basic


class Registry(http.server.BaseHTTPRequestHandler):
    """Gives tokens to the one user and, for the public project, to anonymous clients; accepts only tokens."""

    scheme: ClassVar[str] = "https"
    host: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address, authorization = urlsplit(self.path), self.headers.get("Authorization", "")
        self.asked.append(f"{address.path} {authorization}")
        if address.path == "/service/token":
            self._give(parse_qs(address.query).get("scope", [""])[0], authorization)
        elif authorization == f"Bearer good for {self._scope(address.path)}":
            self._answer(200 if "function" in address.path or address.path == "/v2/" else 404)
        else:
            self._answer(401, challenge=self._challenge(address.path))

    def log_message(self, *_: object) -> None:
        pass

    def _give(self, scope: str, authorization: str) -> None:
        allowed = authorization == f"Basic {BASIC}" or (not authorization and scope.startswith("repository:public/"))
        self._answer(200 if allowed else 401, content=json.dumps({"token": f"good for {scope}"}).encode())

    def _scope(self, path: str) -> str:
        repository = path.removeprefix("/v2/").partition("/manifests/")[0]
        return f"repository:{repository}:pull" if repository else ""

    def _challenge(self, path: str) -> str:
        scope = self._scope(path)
        realm = f"{self.scheme}://{self.host or self.headers['Host']}/service/token"
        return f'Bearer realm="{realm}",service="harbor-registry"' + (f',scope="{scope}"' if scope else "")

    def _answer(self, status: int, *, challenge: str = "", content: bytes = b"") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[client.Registry]:
    """A registry like harbor; no credentials are set."""
    ca = pki.ensure_ca(tmp_path / "ca", "harbor")
    pair = pki.ensure_server(tmp_path, ca, ["127.0.0.1", FAR])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    serving.socket = context.wrap_socket(serving.socket, server_side=True)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{serving.server_address[1]}"
    monkeypatch.setattr(Registry, "scheme", "https")
    monkeypatch.setattr(Registry, "asked", [])
    yield client.Registry(f"{address}/images", f"{address}/images", ca.certificate)
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def proxy(registry: client.Registry) -> Iterator[list[str]]:
    """A proxy that leads every connection to the registry, and keeps what it was asked for."""
    asked: list[str] = []
    host, _, port = registry.host.partition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://site:pass%20word@127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_lead, args=(listener, (host, int(port)), asked), daemon=True).start()
        asked.append(address)
        yield asked
        listener.shutdown(socket.SHUT_RDWR)


def _lead(listener: socket.socket, target: tuple[str, int], asked: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            source, _ = listener.accept()
            threading.Thread(target=_tunnel, args=(source, target, asked), daemon=True).start()


def _tunnel(source: socket.socket, target: tuple[str, int], asked: list[str]) -> None:
    with contextlib.suppress(OSError), source, socket.create_connection(target) as sink:
        asked.append(_head(source))
        source.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_copy, args=(sink, source), daemon=True)
        back.start()
        _copy(source, sink)
        back.join()


def _head(source: socket.socket) -> str:
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        read += source.recv(1)
    return read.decode()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_public_registry_far_away_gives_tokens_to_anybody_through_the_proxy(
    registry: client.Registry, proxy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _log_in(monkeypatch, "secret")
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy[0])
    monkeypatch.setattr(Registry, "host", f"{FAR}:443")
    monkeypatch.setenv("SSL_CERT_FILE", str(registry.ca))
    server.trusting_only.cache_clear()
    published = client.Registry(f"{FAR}/public", f"{FAR}/public", registry.ca, anonymous=True, is_far=True)
    assert published.holds(f"{FAR}/public/function:1")
    assert not published.holds(f"{FAR}/public/other:1")
    assert not published.holds(f"{FAR}/images/function:1"), "it is not public"
    server.trusting_only.cache_clear()
    assert all(head.startswith(f"CONNECT {FAR}:443 ") for head in proxy[1:])
    assert all(f"Basic {credentials.Credentials('site', 'pass word').basic}" in head for head in proxy[1:])
    assert not [request for request in Registry.asked if BASIC in request], "the cluster's credentials stay here"


def test_a_private_project_is_seen_with_the_users_docker_login(
    registry: client.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": BASIC}}}), encoding="utf-8")
    registry.prove(registry.ca.read_bytes())
    assert registry.holds(f"{registry.host}/images/function:1")
    assert registry.answers([f"{registry.host}/images/function:1"])[f"{registry.host}/images/function:1"].by_login
    assert not registry.holds(f"{registry.host}/images/other:1")


def _log_in(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv(credentials.USER, USER)
    monkeypatch.setenv(credentials.PASSWORD, password)


def test_a_robot_gets_a_token_for_each_repository(registry: client.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    _log_in(monkeypatch, "secret")
    registry.prove(registry.ca.read_bytes())
    assert registry.holds(f"{registry.host}/images/function:1")
    assert not registry.holds(f"{registry.host}/images/other:1")
    with pytest.raises(Problem, match=f"image {registry.host}/images/other:1: not in the registry"):
        registry.require([f"{registry.host}/images/function:1", f"{registry.host}/images/other:1"])


def test_a_wrong_secret_is_refused_in_one_line(registry: client.Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    _log_in(monkeypatch, "wrong")
    with pytest.raises(Problem, match="refuses the credentials") as caught:
        registry.prove(registry.ca.read_bytes())
    assert "wrong" not in str(caught.value)


def test_without_credentials_a_public_project_is_seen_and_a_private_one_is_not(registry: client.Registry) -> None:
    registry.prove(registry.ca.read_bytes())
    public = replace(registry, pull_address=f"{registry.host}/public", push_address=f"{registry.host}/public")
    assert not registry.holds(f"{registry.host}/images/function:1")
    assert public.holds(f"{registry.host}/public/function:1")


def test_no_secret_goes_to_a_place_that_does_not_prove_itself(
    registry: client.Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _log_in(monkeypatch, "secret")
    monkeypatch.setattr(Registry, "scheme", "http")
    with pytest.raises(Problem, match="https is needed"):
        registry.prove(registry.ca.read_bytes())
    assert not [request for request in Registry.asked if request.startswith("/service/token")]

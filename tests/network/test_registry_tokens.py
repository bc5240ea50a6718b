"""A registry that requires a token, as harbor does: where the token comes from, and who gets the credentials."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tasks.problems import Problem
from tasks.registry import client, pki
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "robot$project+pull"
BASIC = credentials.Credentials(USER, "secret").basic


class Registry(http.server.BaseHTTPRequestHandler):
    """Gives tokens to the one user and, for the public project, to anonymous clients; accepts only tokens."""

    scheme: ClassVar[str] = "https"
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
        realm = f"{self.scheme}://{self.headers['Host']}/service/token"
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
    pair = pki.ensure_server(tmp_path, ca, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(Registry, "scheme", "https")
    monkeypatch.setattr(Registry, "asked", [])
    yield client.Registry(f"{address}/images", f"{address}/images", ca.certificate)
    server.shutdown()
    server.server_close()


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

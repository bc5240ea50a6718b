"""tasks.engines.kube.credentials: a kubeconfig that is read here says the same as the client library finds in it."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.exceptions import InsecureRequestWarning

from tasks.engines.kube import credentials
from tasks.engines.kube.calls import PATIENCE, Requests
from tasks.engines.kube.connection import Connection
from tasks.problems import Problem
from tests.docker.tls_front import make_certificates
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


AUTHORITY = {"certificate-authority-data": encoded("AUTHORITY")}
CLIENT = {"client-certificate-data": encoded("CERTIFICATE"), "client-key-data": encoded("KEY")}
FILES = {"client-certificate": "certificate.pem", "client-key": "folder/key.pem"}
PLAIN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "certificates": (AUTHORITY, CLIENT),
    "certificates in files": ({"certificate-authority": "authority.pem"}, FILES),
    "data before files": ({**AUTHORITY, "certificate-authority": "none"}, {**CLIENT, **FILES}),
    "a token": (AUTHORITY, {"token": "secret"}),
    "a token and certificates": (AUTHORITY, {**CLIENT, "token": "secret"}),
    "trusted by the machine": ({}, CLIENT),
    "no credentials": (AUTHORITY, {}),
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "not verified": ({"insecure-skip-tls-verify": True}, CLIENT),
    "another name": ({**AUTHORITY, "tls-server-name": "kubernetes"}, CLIENT),
    "a file with a token": (AUTHORITY, {"tokenFile": "token"}),
    "a password": (AUTHORITY, {"username": "u", "password": "p"}),
}


def written(folder: Path, cluster: dict[str, Any], user: dict[str, Any], server: str = "https://one:1/") -> Path:
    (folder / "folder").mkdir(exist_ok=True)
    for name, text in {"authority.pem": "A", "certificate.pem": "C", "folder/key.pem": "K", "token": "t"}.items():
        (folder / name).write_text(text)
    config = {
        "clusters": [
            {"name": "other", "cluster": {"server": "https://other"}},
            {"name": "c", "cluster": {"server": server, **cluster}},
        ],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "other", "user": {"token": "other"}}, {"name": "u", "user": user}],
        "current-context": "x",
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


@pytest.mark.parametrize("parts", PLAIN.values(), ids=PLAIN)
def test_what_is_read_here_is_what_the_library_reads(
    tmp_path: Path, parts: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    file = written(tmp_path, *parts)
    plain = credentials._plain(file)
    assert plain is not None
    assert plain == credentials._by_library(file) == credentials.read(file)


@pytest.mark.parametrize("parts", OTHERS.values(), ids=OTHERS)
def test_what_is_not_understood_here_is_left_to_the_library(
    tmp_path: Path, parts: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    file = written(tmp_path, *parts)
    assert credentials._plain(file) is None
    assert credentials.read(file) == credentials._by_library(file)


def test_a_server_that_is_not_to_be_verified_and_another_name_are_kept(tmp_path: Path) -> None:
    assert not credentials.read(written(tmp_path, *OTHERS["not verified"])).is_verified
    assert credentials.read(written(tmp_path, *OTHERS["another name"])).name == "kubernetes"
    assert credentials.read(written(tmp_path, *OTHERS["a file with a token"])).headers == {"authorization": "Bearer t"}


@pytest.mark.parametrize("text", ["", "{", "current-context: none\ncontexts: []\n"])
def test_a_damaged_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(Problem, match=str(file)):
        Connection(file, 1, "try")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, AUTHORITY, {"client-certificate": "gone.pem", "client-key": "gone.key"})
    with pytest.raises(Problem, match=r"gone\.pem"):
        Connection(file, 1, "try")


def test_damaged_certificates_are_named_by_their_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=str(tmp_path / "kubeconfig")):
        Connection(written(tmp_path, AUTHORITY, {}), 1, "try")


@contextmanager
def api(folder: Path) -> Iterator[str]:
    """Serve the text {} to the client with the certificate in a folder, and to no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.load_verify_locations(folder / "cert.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A refused handshake is what the test is about, and no news.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with running(server):
        yield f"https://127.0.0.1:{server.server_port}"


def test_the_client_and_the_server_show_their_certificates(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    cluster = {"certificate-authority": str(certificates / "ca.pem")}
    user = {"client-certificate": str(certificates / "cert.pem"), "client-key": str(certificates / "key.pem")}
    with api(certificates) as server:
        trusted = Connection(written(tmp_path, cluster, user, server), 1, "")
        assert Requests(trusted, PATIENCE).read("/") == b"{}"
        trusted.access.socket().close()
        unknown = Connection(written(tmp_path, {}, user, server), 1, "")
        with pytest.raises(Problem, match="certificate verify failed"):
            Requests(unknown, PATIENCE).read("/")
        with pytest.raises(ssl.SSLCertVerificationError):
            unknown.access.socket()
        careless = Connection(written(tmp_path, {"insecure-skip-tls-verify": True}, user, server), 1, "")
        with pytest.warns(InsecureRequestWarning):
            assert Requests(careless, PATIENCE).read("/") == b"{}"

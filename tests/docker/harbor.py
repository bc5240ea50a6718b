"""A registry in place of harbor: its own CA over HTTP, TLS at an IP address, and a robot that has to log in."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import socket
import subprocess
import tarfile
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tasks import progress
from tasks.docker_engine import service
from tasks.engines.docker import client, images, networks
from tasks.engines.go import modules
from tasks.engines.programs import waiting
from tasks.registry import certificates, pki
from tasks.registry import client as access
from tasks.settings import artifacts, cluster, credentials, parameters, paths
from tasks.settings import registry as table
from tests import authorities

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "robot$kind+puller"
PASSWORD = 'pa$$word "quoted"'
ALONE = "self-signed"
# A bcrypt hash, the only kind that the registry reads.
HTPASSWD = f"{USER}:$2b$04$LGgVJmx7ADBmh5z2a7R5FOvyYJcI70IU2Pu8h4R3kF1YqVgtzBdJa\n"
CONFIG = """\
version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: "{folder}/data"}}}}
http: {{addr: "{host}", tls: {{certificate: "{folder}/server.crt", key: "{folder}/server.key"}}}}
auth: {{htpasswd: {{realm: harbor, path: "{folder}/htpasswd"}}}}
"""


@dataclass
class Harbor:
    """The registry of the management network.

    Attributes:
        folder: Its files.
        host: Its address with port.
        page: The content that is offered as its CA; None if the page is missing.
        said: The output of actions.
        started: The words and the environment of each program that was started.
    """

    folder: Path
    host: str
    page: bytes | None
    said: list[str]
    started: list[str]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")


class Keeper:
    """A listener that keeps all output of actions."""

    def __init__(self, said: list[str]) -> None:
        self.step = self.line = said.append


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def _offering(harbor: Harbor, address: str) -> Iterator[str]:
    """Offer the CA over HTTP as harbor does; yield its URL."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if harbor.page is None else 200)
            self.end_headers()
            self.wfile.write(b"<html>none</html>" if harbor.page is None else harbor.page)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address}:{server.server_address[1]}/harbor/ca.crt"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _serving(harbor: Harbor) -> Iterator[None]:
    """Run the registry."""
    (harbor.folder / "htpasswd").write_text(HTPASSWD, encoding="utf-8")
    config = harbor.folder / "config.yml"
    config.write_text(CONFIG.format(folder=harbor.folder, host=harbor.host), encoding="utf-8")
    program = modules.program(artifacts.REGISTRY, "registry", parameters.current())
    with (harbor.folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", config], stdout=log, stderr=log)
    try:
        host, _, port = harbor.host.partition(":")
        waiting.until("registry: listens", lambda: _listens(host, int(port)), bool, deadline=30)
        yield
    finally:
        process.kill()
        process.wait()


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.fixture
def harbor(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harbor]:
    """A registry at an address of this machine that Docker does not trust by default."""
    service.ensure()
    networks.ensure(cluster.NETWORK)
    address = str(next(networks.subnet(cluster.NETWORK).hosts()))
    ca = pki.ensure_ca(tmp_path / "ca", "harbor")
    pki.ensure_server(tmp_path, ca, [address])
    page = _sign_itself(tmp_path, address) if getattr(request, "param", "") == ALONE else ca.certificate.read_bytes()
    made = Harbor(tmp_path, f"{address}:{free_port(address)}", page, [], [])
    with _offering(made, address) as url, _serving(made):
        values = {"registry": "harbor", "dci_registry_addr_alt": f"{made.host}/images", "dci_registry_cert_url": url}
        chosen = parameters.current().model_copy(update=values)
        monkeypatch.setattr(parameters, "current", lambda: chosen)
        monkeypatch.setattr(paths, "REGISTRY_CA", tmp_path / "kept" / "ca.crt")
        monkeypatch.setattr(progress, "_listener", Keeper(made.said))
        monkeypatch.setenv("NO_PROXY", address)
        monkeypatch.setenv(credentials.USER, USER)
        monkeypatch.setenv(credentials.PASSWORD, PASSWORD)
        _watch_programs(monkeypatch, made.started)
        yield made
        certificates.distrust(parameters.current())
        assert not (table.DOCKER_TRUST / made.host).exists()


def _sign_itself(folder: Path, address: str) -> bytes:
    """Give the registry a certificate that has signed itself and is no CA, and return it."""
    alone = authorities.alone(address)
    (folder / "server.crt").write_bytes(alone.pem)
    (folder / "server.key").write_bytes(alone.key_pem)
    return alone.pem


def _watch_programs(monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    real = subprocess.Popen

    def start(words: list[str], **options: Any) -> Any:
        started.append(json.dumps([words, {**(options.get("env") or {})}], default=str))
        return real(words, **options)

    monkeypatch.setattr(subprocess, "Popen", start)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """An image that no registry has."""
    tag = f"harbor-test:{uuid.uuid4().hex[:8]}"
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nLABEL test={tag}\n", encoding="utf-8")
    images.build(context, tag)
    yield tag
    images.remove(tag)


def registry() -> access.Registry:
    return access.of(parameters.current())


def reference(image: str) -> str:
    return f"{registry().pull_address}/{image}"


def members(archive: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        return "".join(file.read().decode("latin-1") for file in files if file)


def holds_no_secret(harbor: Harbor, *texts: str) -> None:
    """Check images, archives, programs' arguments and environments, logs and output for the credentials."""
    chosen = credentials.current()
    assert chosen is not None
    engine_log = client.embedded().log
    logs = engine_log.read_text(encoding="utf-8", errors="replace") if engine_log.exists() else ""
    kept = "".join(file.read_text(encoding="latin-1") for file in (paths.BUILD).glob("*.json"))
    for text in (*texts, *harbor.said, *harbor.started, harbor.log, logs, kept):
        for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], chosen.basic):
            assert secret not in text

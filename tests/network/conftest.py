"""A real API server without nodes: etcd and kube-apiserver as processes on loopback."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tasks import progress
from tasks.archive import facts
from tasks.controller.kinds import DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TARGET, FUNCTION_TYPE, WB_FUNCTION
from tasks.engines.go import modules
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import manifests
from tasks.engines.kube.api import Kube
from tasks.engines.programs import waiting
from tasks.images import function_images
from tasks.problems import Problem
from tasks.scenarios import setup
from tasks.settings import artifacts, parameters, paths
from tasks.target import kind_cluster
from tests.network.contract import PATTERN, SAMPLE
from tests.targets import Given
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_START_SECONDS = 90
# The server creates it, self-signed, at its start.
_CERTIFICATE = "certs/apiserver.crt"


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of an administrator of an API server that lives as long as the session."""
    folder = tmp_path_factory.mktemp("apiserver")
    etcd, peer, secure = (_free_port() for _ in range(3))
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    (folder / "sa.key").write_bytes(_private_key())
    config = folder / "kubeconfig"
    config.write_text(json.dumps(_kubeconfig(folder, secure, token)))
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_start(folder, "etcd", _etcd(folder, etcd, peer)))
        started.append(_start(folder, "kube-apiserver", _apiserver(folder, etcd, secure)))
        _wait_ready(config, folder, started)
        yield config
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


@pytest.fixture
def api(kubeconfig: Path) -> Kube:
    """The API of the server in `kubeconfig`."""
    return Kube(kubeconfig)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a run leaves for the user."""
    lines: list[str] = []
    monkeypatch.setattr(progress, "line", lines.append)
    return lines


@pytest.fixture
def cluster(api: Kube, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API server with all definitions and namespaces, but no object of the pattern."""
    monkeypatch.setattr(kube_api, "cluster", lambda _name: api)
    monkeypatch.setattr(paths, "CONTROLLER", SAMPLE)
    ours = {"cpufunc_calcapp": "r/a:1", "cpufunc_sidecar": "r/b:1"}
    monkeypatch.setattr(function_images, "references", lambda *_: ours)
    monkeypatch.setattr(kind_cluster, "workers", lambda _cluster: ("one", "two"))
    chosen = lab(DCI_REGISTRY_ADDR_ALT="registry.example/images", DATAFLOW_DEADLINE="10", CONTROLLER_DEADLINE="5")
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    definitions = [item for file in facts.definition_files(SAMPLE) for item in manifests.load(file)]
    api.apply([*definitions, *setup.namespaces(Given(api, ()))])
    yield api
    for kind in (
        DATA_FLOW,
        WB_FUNCTION,
        FUNCTION_CHAIN,
        FUNCTION_TYPE,
        FUNCTION_TARGET,
        manifests.POD,
        manifests.EVENT,
    ):
        for item in api.list(kind, PATTERN.namespace):
            api.patch(kind, manifests.name_of(item), PATTERN.namespace, {"metadata": {"finalizers": None}})
            api.delete(kind, manifests.name_of(item), PATTERN.namespace)
            api.wait_gone(kind, manifests.name_of(item), PATTERN.namespace, deadline=10)


def _etcd(folder: Path, port: int, peer: int) -> list[str]:
    url, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    return [
        str(modules.program(artifacts.ETCD, "etcd", parameters.current())),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
    ]


def _apiserver(folder: Path, etcd: int, secure: int) -> list[str]:
    return [
        str(modules.program(artifacts.KUBERNETES, "kube-apiserver", parameters.current())),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--cert-dir={folder / 'certs'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--service-account-key-file={folder / 'sa.key'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--service-account-issuer=https://test",
        "--service-cluster-ip-range=10.255.0.0/24",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        # No controller manager runs that would create the accounts that this plugin requires.
        "--disable-admission-plugins=ServiceAccount",
    ]


def _start(folder: Path, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, cwd=folder)


def _wait_ready(config: Path, folder: Path, started: Sequence[subprocess.Popen[bytes]]) -> None:
    def ready() -> bool:
        assert all(process.poll() is None for process in started), _logs(folder)
        try:
            return (folder / _CERTIFICATE).is_file() and bool(Kube(config).identity())
        except Problem:
            return False

    waiting.Condition("kube-apiserver: ready", ready, bool).wait(_START_SECONDS, explain=lambda: _logs(folder))


def _logs(folder: Path) -> str:
    return "\n".join("\n".join(log.read_text().splitlines()[-20:]) for log in folder.glob("*.log"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _private_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _kubeconfig(folder: Path, port: int, token: str) -> dict[str, object]:
    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / _CERTIFICATE)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }

"""A registry that requires a login, and nodes that pull from it with the credentials of a run's environment."""

from __future__ import annotations

import socket
import ssl
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks.cluster import node_steps as cluster_node_steps
from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.registry import pki
from tasks.settings import cluster, credentials, images, node_steps, parameters, paths
from tests.cluster.lab import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.lab import Lab

HOST = "harbor.tier.example"
USER = "robot$kind+puller"
PASSWORD = 'pa$$word "quoted"'
# A bcrypt hash, the only kind that the registry reads.
HTPASSWD = f"{USER}:$2b$04$LGgVJmx7ADBmh5z2a7R5FOvyYJcI70IU2Pu8h4R3kF1YqVgtzBdJa\n"
SECONDS = 120


@pytest.fixture
def image(verified: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an image in a registry with a login, in the network of the nodes."""
    ca = pki.ensure_ca(tmp_path / "ca", "harbor")
    pki.ensure_server(tmp_path / "tls", ca, [HOST, "127.0.0.1"])
    (tmp_path / "tls" / "htpasswd").write_text(HTPASSWD, encoding="utf-8")
    chosen = parameters.current()
    tag = images.tag(images.REGISTRY.name, chosen.model_copy(update={"img_tag": NAME}))
    values = {"cluster_name": NAME, "dci_registry_addr_alt": f"{HOST}/images"}
    monkeypatch.setattr(parameters, "current", lambda: chosen.model_copy(update=values))
    monkeypatch.setattr(paths, "REGISTRY_CA", ca.certificate)
    monkeypatch.setenv(credentials.USER, USER)
    monkeypatch.setenv(credentials.PASSWORD, PASSWORD)
    name = f"harbor-{uuid.uuid4().hex[:8]}"
    try:
        port = _run(name, tag, tmp_path / "tls")
        pushed = f"127.0.0.1:{port}/images/function:1"
        waiting.until(f"registry {name}: answering", lambda: _answers(port, ca.certificate), bool, deadline=SECONDS)
        docker_images.push(tag, pushed)
        yield f"{HOST}/images/function:1"
        docker_images.remove(pushed)
    finally:
        containers.remove(name)


def _answers(port: str, ca: Path) -> bool:
    """Return whether the registry serves TLS yet: its port is open on the host before the container listens."""
    context = ssl.create_default_context(cafile=ca)
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()
    except OSError:
        return False
    return True


def _run(name: str, tag: str, folder: Path) -> str:
    """Run the registry, and return its loopback port."""
    api = client.client().api
    host = api.create_host_config(
        binds=[f"{folder}:/tls:ro"], port_bindings={443: ("127.0.0.1", None)}, network_mode=cluster.NETWORK
    )
    created = api.create_container(
        tag,
        ["/bin/registry", "serve", "/etc/registry/config.yml"],
        name=name,
        ports=[443],
        labels={client.OURS: "1"},
        environment={
            "OTEL_TRACES_EXPORTER": "none",
            "REGISTRY_AUTH": "{htpasswd: {realm: harbor, path: /tls/htpasswd}}",
        },
        host_config=host,
        networking_config={"EndpointsConfig": {cluster.NETWORK: api.create_endpoint_config(aliases=[HOST])}},
    )
    api.start(created["Id"])
    return str(api.port(created["Id"], 443)[0]["HostPort"])


def _pod(name: str, node: str, image: str) -> dict[str, Any]:
    command = ["/bin/ca-server", ":8080", "/config", "/etc/registry/config.yml"]
    container = {"name": "main", "image": image, "imagePullPolicy": "Always", "command": command}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0},
    }


def _state(lab: Lab, name: str) -> dict[str, Any]:
    found = lab.api.get(manifests.POD, name, "default") or {}
    states = [status["state"] for status in found.get("status", {}).get("containerStatuses", ())]
    return dict(states[0]) if states else {}


def test_nodes_pull_with_the_credentials_of_the_environment_and_keep_them_to_themselves(
    verified: Lab, image: str
) -> None:
    worker = f"{NAME}-worker"
    cluster_node_steps.apply(node_steps.TRUST_REGISTRY.name)
    verified.api.apply([_pod("without", worker, image)])
    waiting.Condition(
        "a pull without credentials: refused",
        lambda: _state(verified, "without").get("waiting", {}),
        lambda seen: "401" in seen.get("message", "") or "no basic auth" in seen.get("message", ""),
        describe=str,
    ).wait(SECONDS)
    cluster_node_steps.apply(node_steps.CREDENTIALS.name)
    assert not cluster_node_steps.lack(node_steps.CREDENTIALS.name)
    verified.api.apply([_pod("with", worker, image)])
    waiting.Condition(
        "a pull with credentials: done",
        lambda: _state(verified, "with"),
        lambda seen: "running" in seen,
        describe=str,
    ).wait(SECONDS)
    for name in ("without", "with"):
        verified.api.delete(manifests.POD, name, "default")
    listed = containers.exec_in(worker, ["stat", "-c", "%a %U", "/var/lib/kubelet/config.json"])
    assert listed.split() == ["600", "root"]
    _kept_nowhere_else(verified, worker)


def _kept_nowhere_else(lab: Lab, node: str) -> None:
    """Check that neither the sources of a log archive nor the checkout nor the engine hold the credentials."""
    chosen = credentials.Credentials(USER, PASSWORD)
    journal = containers.exec_in(node, ["journalctl", "--no-pager"])
    words = containers.exec_in(
        node, ["sh", "-c", "cat /proc/[0-9]*/cmdline; cat $(find /var/log -type f)"], check=False
    )
    build = [file.read_text(encoding="latin-1") for file in (lab.checkout.root / "build").rglob("*") if _is_text(file)]
    inspected = str(client.client().containers.get(node).attrs)
    for text in (journal, words, inspected, *build):
        assert PASSWORD not in text
        assert chosen.basic not in text


def _is_text(file: Path) -> bool:
    return file.is_file() and file.suffix in {".json", ".yaml", ".db", ".log", ".crt", ""}

"""kind itself when it fails: its node image is no node image."""

from __future__ import annotations

import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, containers, images
from tasks.engines.docker import networks as docker_networks
from tasks.engines.go import modules
from tasks.engines.kube import kind
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "no-node"
IMAGE = f"{NAME}:1"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    service.ensure()
    docker_networks.ensure("kind")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    context = tmp_path / "context"
    context.mkdir()
    shutil.copy(modules.program(artifacts.CA_SERVER, "ca-server", parameters.current()), context)
    (context / "Dockerfile").write_text('FROM scratch\nCOPY ca-server /\nENTRYPOINT ["/ca-server"]\n', "utf-8")
    images.build(context, IMAGE)
    file = tmp_path / "kind.yaml"
    file.write_text(
        f"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{{role: control-plane, image: '{IMAGE}'}}]\n"
    )
    yield file
    kind.delete(NAME, parameters.current())
    images.remove(IMAGE)


def test_a_failed_create_keeps_the_nodes_and_packs_their_logs(config: Path) -> None:
    with pytest.raises(Problem, match=r"the nodes' logs are in .*create-logs\.tar\.gz") as caught:
        kind.create(NAME, config, parameters.current())
    archive = paths.cluster_dir(NAME) / "create-logs.tar.gz"
    assert str(archive) in caught.value.message
    assert "could not find a log line" in caught.value.details
    with tarfile.open(archive) as tar:
        logs = {name.rpartition("/")[2]: name for name in tar.getnames()}
        serial = tar.extractfile(logs["serial.log"])
        assert serial is not None
        assert b"usage: /ca-server" in serial.read()
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert [node.name for node in kind.nodes(NAME)] == [f"{NAME}-control-plane"]

    kind.delete(NAME, parameters.current())
    assert kind.nodes(NAME) == []


def test_a_node_that_a_killed_run_left_is_told_apart(config: Path) -> None:
    with pytest.raises(Problem, match="logs are in"):
        kind.create(NAME, config, parameters.current())
    with pytest.raises(kind.NodesExist, match=f"cluster {NAME}: "):
        kind.create(NAME, config, parameters.current())


def test_the_proxies_of_the_docker_command_reach_the_nodes_with_all_exceptions(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    proxy = {"httpProxy": "http://127.0.0.1:1", "noProxy": "corp.example, .lab.example"}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    with pytest.raises(Problem, match="logs are in"):
        kind.create(NAME, config, parameters.current())
    found = client.client().api.inspect_container(f"{NAME}-control-plane")["Config"]["Env"]
    variables = {name: value for name, _, value in (entry.partition("=") for entry in found)}
    host = parameters.current().dci_registry_addr_alt.partition("/")[0].partition(":")[0]
    networks = ("10.244.0.0/16", "10.96.0.0/16", str(docker_networks.subnet("kind")))
    wanted = {"corp.example", ".lab.example", host, *networks, f"{NAME}-control-plane", ".svc"}
    assert variables["HTTP_PROXY"] == proxy["httpProxy"]
    for name in ("NO_PROXY", "no_proxy"):
        assert wanted <= set(variables[name].split(","))


def test_a_node_that_comes_while_kind_works_is_told_apart(config: Path) -> None:
    # kind does not see a container without its label, and the engine refuses the name.
    client.client().api.create_container(IMAGE, name=f"{NAME}-control-plane")
    try:
        with pytest.raises(kind.NodesExist):
            kind.create(NAME, config, parameters.current())
    finally:
        containers.remove(f"{NAME}-control-plane")

"""tasks.cluster.creation: which cluster is kept, and what is said about one that differs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.cluster import access as cluster_access
from tasks.cluster import config as cluster_config
from tasks.cluster import creation, provenance
from tasks.engines.docker import containers
from tasks.engines.kube import cluster_owner, kind
from tasks.engines.kube.kind import NodeFacts
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NODES = ["kind-control-plane", "kind-worker", "kind-worker2"]
WANTED = {
    "K8S_VERSION": "v1.31.0",
    "POD_SUBNET": "10.244.0.0/16",
    "node image": "sha256:" + "a" * 64,
    "kind config": "x",
}


def facts(name: str, *, running: bool = True) -> NodeFacts:
    return NodeFacts(name, running, "sha256:0", 40000 if name.endswith("control-plane") else 0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> dict[str, object]:
    """The nodes that exist, and what the cluster was made from; a test changes them."""
    choose()
    found: dict[str, object] = {"nodes": [facts(name) for name in NODES], "recorded": dict(WANTED)}
    monkeypatch.setattr(kind, "nodes", lambda _name: found["nodes"])
    monkeypatch.setattr(provenance, "recorded", lambda: found["recorded"])
    monkeypatch.setattr(provenance, "wanted", lambda: dict(WANTED))
    return found


def test_a_whole_cluster_is_kept(world: dict[str, object]) -> None:
    assert creation._keep()


def test_a_half_made_cluster_of_ours_is_not_kept(world: dict[str, object]) -> None:
    world["recorded"] = None
    assert not creation._keep()


@pytest.mark.parametrize(
    ("node", "done"),
    [
        (NodeFacts("kind-worker", running=True, image_id="", api_port=0), []),
        (NodeFacts("kind-worker", running=False, image_id="", api_port=0), ["start kind-worker"]),
        (NodeFacts("kind-worker", running=False, image_id="", api_port=0, paused=True), ["unpause kind-worker"]),
    ],
)
def test_a_node_that_stands_still_is_set_going_as_it_needs(
    monkeypatch: pytest.MonkeyPatch, world: dict[str, object], node: NodeFacts, done: list[str]
) -> None:
    found: list[str] = []
    world["nodes"] = [node]
    monkeypatch.setattr(containers, "start", lambda name: found.append(f"start {name}"))
    monkeypatch.setattr(containers, "unpause", lambda name: found.append(f"unpause {name}"))
    creation._start_stopped()
    assert found == done


def test_a_cluster_without_one_of_its_nodes_is_not_kept(world: dict[str, object]) -> None:
    world["nodes"] = [facts(name) for name in NODES[:2]]
    assert not creation._keep()


def test_a_cluster_made_from_something_else_is_kept_by_a_problem_that_names_it(world: dict[str, object]) -> None:
    world["recorded"] = {
        **WANTED,
        "POD_SUBNET": "10.200.0.0/16",
        "kind config": "y",
        "node image": "sha256:" + "b" * 64,
    }
    with pytest.raises(Problem) as caught:
        creation._keep()
    assert "POD_SUBNET 10.200.0.0/16 -> 10.244.0.0/16" in caught.value.message
    assert f"node image {'b' * 12} -> {'a' * 12}" in caught.value.message
    assert "kind config" not in caught.value.message
    assert "RECREATE=1" in caught.value.hint


def test_with_consent_it_is_not_kept(world: dict[str, object], choose: Callable[..., None]) -> None:
    choose(RECREATE="1")
    world["recorded"] = {**WANTED, "POD_SUBNET": "10.200.0.0/16"}
    assert not creation._keep()


def test_a_change_of_the_template_alone_is_named_too(world: dict[str, object]) -> None:
    world["recorded"] = {**WANTED, "kind config": "y"}
    with pytest.raises(Problem, match="kind config y -> x"):
        creation._keep()


@pytest.mark.parametrize(("late", "made"), [(0, True), (1, True), (9, True), (10, False)])
def test_each_node_that_comes_late_from_a_killed_run_costs_one_more_try_for_a_while(
    monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None], late: int, *, made: bool
) -> None:
    choose()
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    done: list[str] = []

    def create(_name: str, _config: Path) -> None:
        done.append("create")
        if done.count("create") <= late:
            raise kind.NodesExist("cluster kind: something else makes nodes of it")

    monkeypatch.setattr(kind, "create", create)
    monkeypatch.setattr(kind, "delete", lambda _name: done.append("delete"))
    monkeypatch.setattr(cluster_owner, "require_ours", lambda _name: None)
    monkeypatch.setattr(cluster_config, "file", lambda: "kind.yaml")
    if made:
        creation._make_nodes(end=8)
        assert done == ["create", *["delete", "create"] * late]
    else:
        with pytest.raises(Problem, match="something else makes nodes of it"):
            creation._make_nodes(end=8)


@pytest.mark.parametrize(
    ("ports", "current"),
    [
        ((40000, 40000), True),
        ((40000, 41000), False),
        ((41000, 40000), False),
        ((40000, 0), False),
        ((0, 40000), False),
    ],
)
def test_access_is_current_when_both_kubeconfigs_lead_to_the_cluster(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    choose: Callable[..., None],
    ports: tuple[int, int],
    *,
    current: bool,
) -> None:
    choose()
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/user")
    (tmp_path / "cluster-kind").mkdir()
    for port, file in zip(ports, (tmp_path / "cluster-kind" / "kubeconfig", tmp_path / "user"), strict=True):
        if port:
            file.write_text(f"server: https://127.0.0.1:{port}\nname: kind-kind\n", encoding="utf-8")
    assert cluster_access.is_current([facts(name) for name in NODES]) == current


def test_only_the_kubeconfig_that_lacks_the_cluster_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: dict[str, object]
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/user")
    access = "server: https://127.0.0.1:40000\nname: kind-kind\n"
    (tmp_path / "user").write_text(access, encoding="utf-8")
    exported: list[str] = []
    monkeypatch.setattr(kind, "kubeconfig", lambda _name: access)
    monkeypatch.setattr(kind, "export_kubeconfig", exported.append)
    cluster_access.ensure()
    assert (tmp_path / "cluster-kind" / "kubeconfig").read_text(encoding="utf-8") == access
    assert exported == []
    (tmp_path / "user").unlink()
    cluster_access.ensure()
    assert exported == ["kind"]


def test_the_config_has_three_nodes_with_their_mounts(choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="other", POD_SUBNET="10.200.0.0/16")
    config = yaml.safe_load(cluster_config.rendered())
    assert config["name"] == "other"
    assert config["networking"]["podSubnet"] == "10.200.0.0/16"
    assert config["networking"]["disableDefaultCNI"] is True
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    for node in config["nodes"]:
        mounts = {mount["containerPath"]: mount["hostPath"] for mount in node["extraMounts"]}
        assert mounts == {"/root/controller": str(paths.CONTROLLER), "/root/work": str(paths.WORK)}
    assert "kubeadmConfigPatches" not in config


def test_kubeadm_is_told_where_another_runtime_answers(choose: Callable[..., None]) -> None:
    choose(NODE_RUNTIME="crio")
    patches = [yaml.safe_load(patch) for patch in yaml.safe_load(cluster_config.rendered())["kubeadmConfigPatches"]]
    assert {patch["kind"] for patch in patches} == {"InitConfiguration", "JoinConfiguration"}
    assert {patch["nodeRegistration"]["criSocket"] for patch in patches} == {"unix:///var/run/crio/crio.sock"}


def test_a_checkout_with_an_awkward_name_is_mounted_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, choose: Callable[..., None]
) -> None:
    choose()
    work = tmp_path / 'wo"rk äö: #1'
    monkeypatch.setattr(paths, "WORK", work)
    config = yaml.safe_load(cluster_config.rendered())
    assert config["nodes"][0]["extraMounts"][1]["hostPath"] == str(work)

"""tasks.cluster.kubeconfig_owner: an entry of somebody's running cluster is neither overwritten nor removed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.cluster import creation, kubeconfig_owner, removal
from tasks.engines.docker import client
from tasks.engines.kube import kind
from tasks.gpu import lease
from tasks.nics import cards
from tasks.problems import Problem
from tasks.settings import paths
from tests.unit.containers import Containers, ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Containers:
    choose()
    made = Containers()
    monkeypatch.setattr(client, "client", made.client)
    monkeypatch.setattr(client, "socket", lambda: "unix:///run/one.sock")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/user")
    return made


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def write(file: Path, server: str, authority: str, name: str = "kind-kind") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    entry = {"server": server, "certificate-authority-data": authority}
    file.write_text(yaml.safe_dump({"clusters": [{"name": name, "cluster": entry}]}), encoding="utf-8")


def test_the_entry_of_a_cluster_that_runs_is_left_alone(engine: Containers, tmp_path: Path, listening: str) -> None:
    write(tmp_path / "user", listening, "theirs")
    found = kubeconfig_owner.objection("kind")
    assert found is not None
    assert (
        found.message
        == f"{tmp_path}/user: its entry kind-kind leads to another cluster, at {listening}, and is left alone"
    )
    assert "CLUSTER_NAME=kind-2, or KUBECONFIG=" in found.hint
    assert kubeconfig_owner.objection("another") is None


def test_the_entry_of_a_cluster_on_another_machine_is_left_alone(engine: Containers, tmp_path: Path) -> None:
    write(tmp_path / "user", "https://192.0.2.1:6443", "theirs")
    assert kubeconfig_owner.objection("kind") is not None


def test_an_entry_that_leads_nowhere_may_go(engine: Containers, tmp_path: Path) -> None:
    write(tmp_path / "user", "https://127.0.0.1:1", "theirs")
    assert kubeconfig_owner.objection("kind") is None


def test_our_own_entry_is_known_by_its_port_or_its_ca(engine: Containers, tmp_path: Path, listening: str) -> None:
    write(tmp_path / "user", listening, "ours")
    write(tmp_path / "build" / "cluster-kind" / "kubeconfig", "https://127.0.0.1:1", "ours")
    assert kubeconfig_owner.objection("kind") is None
    (tmp_path / "build" / "cluster-kind" / "kubeconfig").unlink()
    engine.add("kind-control-plane", "kind", ours())
    engine.listed[0]["Ports"] = [{"PrivatePort": 6443, "PublicPort": int(listening.rpartition(":")[2])}]
    assert kubeconfig_owner.objection("kind") is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[]", b"clusters:\n- name: kind-kind\n", b"clusters: 3\n"])
def test_what_cannot_be_understood_holds_no_entry(engine: Containers, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "user").write_bytes(content)
    assert kubeconfig_owner.objection("kind") is None


def test_a_run_stops_before_it_makes_nodes_and_a_plan_says_so(
    engine: Containers, tmp_path: Path, listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "user", listening, "theirs")
    monkeypatch.setattr(kind, "create", pytest.fail)
    with pytest.raises(Problem, match="leads to another cluster"):
        creation.create()
    assert "leads to another cluster" in creation.lack().obstacles[0]


@pytest.mark.parametrize("authority", ["ours", "theirs"])
def test_a_deletion_leaves_anothers_entry(
    engine: Containers, tmp_path: Path, listening: str, monkeypatch: pytest.MonkeyPatch, authority: str
) -> None:
    engine.add("kind-worker", "kind", ours())
    write(tmp_path / "user", listening, authority)
    write(tmp_path / "build" / "cluster-kind" / "kubeconfig", "https://127.0.0.1:1", "ours")
    monkeypatch.setattr(kind, "delete", engine.remove)
    for module, name in ((cards, "let_go"), (lease, "let_go")):
        monkeypatch.setattr(module, name, lambda _name: None)
    removal.delete()
    assert engine.done == ["delete kind" if authority == "ours" else "delete kind in our kubeconfig"]

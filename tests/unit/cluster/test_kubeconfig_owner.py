"""tasks.cluster.kubeconfig_owner: an entry of somebody's running cluster is neither overwritten nor removed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.cluster import kubeconfig_owner
from tasks.cluster.creation import Creation
from tasks.cluster.removal import Removal
from tasks.engines.kube.kind import NodeFacts
from tasks.problems import Problem
from tasks.settings import parameters
from tests.unit.engine import node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cluster.fakes import FakeKind


@pytest.fixture
def user(build: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's second kubeconfig; the first is not there."""
    monkeypatch.setenv("KUBECONFIG", f"{build.parent}/none:{build.parent}/user")
    return build.parent / "user"


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def write(file: Path, server: str, authority: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    entry = {"server": server, "certificate-authority-data": authority}
    file.write_text(yaml.safe_dump({"clusters": [{"name": "kind-a", "cluster": entry}]}), encoding="utf-8")


def test_the_entry_of_a_cluster_that_runs_is_left_alone(user: Path, listening: str) -> None:
    write(user, listening, "theirs")
    found = kubeconfig_owner.objection("a", [])
    assert found is not None
    assert found.message == f"{user}: its entry kind-a leads to another cluster, at {listening}, and is left alone"
    assert "CLUSTER_NAME=a-2, or KUBECONFIG=" in found.hint
    assert kubeconfig_owner.objection("another", []) is None


def test_the_entry_of_a_cluster_on_another_machine_is_left_alone(user: Path) -> None:
    write(user, "https://192.0.2.1:6443", "theirs")
    assert kubeconfig_owner.objection("a", []) is not None


def test_an_entry_that_leads_nowhere_may_go(user: Path) -> None:
    write(user, "https://127.0.0.1:1", "theirs")
    assert kubeconfig_owner.objection("a", []) is None


def test_our_own_entry_is_known_by_its_port_or_its_ca(user: Path, build: Path, listening: str) -> None:
    write(user, listening, "ours")
    write(build / "cluster-a" / "kubeconfig", "https://127.0.0.1:1", "ours")
    assert kubeconfig_owner.objection("a", []) is None
    (build / "cluster-a" / "kubeconfig").unlink()
    assert kubeconfig_owner.objection("a", []) is not None
    control_plane = NodeFacts("a-control-plane", True, "sha256:0", int(listening.rpartition(":")[2]))
    assert kubeconfig_owner.objection("a", [control_plane]) is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[]", b"clusters:\n- name: kind-a\n", b"clusters: 3\n"])
def test_what_cannot_be_understood_holds_no_entry(user: Path, content: bytes) -> None:
    user.write_bytes(content)
    assert kubeconfig_owner.objection("a", []) is None


def test_a_run_stops_before_it_makes_nodes_and_a_plan_says_so(user: Path, kind: FakeKind, listening: str) -> None:
    write(user, listening, "theirs")
    creation = Creation(parameters.current(), kind)
    with pytest.raises(Problem, match="leads to another cluster"):
        creation.create()
    assert kind.done == []
    assert "leads to another cluster" in creation.lack().obstacles[0]


def test_a_deletion_takes_our_own_entry_with_it(user: Path, build: Path, kind: FakeKind, listening: str) -> None:
    kind.engine.containers["a-worker"] = node("a")
    write(user, listening, "ours")
    write(build / "cluster-a" / "kubeconfig", "https://127.0.0.1:1", "ours")
    Removal(parameters.current(), kind).delete()
    assert kind.done == ["delete a"]


def test_a_deletion_leaves_anothers_entry(user: Path, build: Path, kind: FakeKind, listening: str) -> None:
    kind.engine.containers["a-worker"] = node("a")
    write(user, listening, "theirs")
    write(build / "cluster-a" / "kubeconfig", "https://127.0.0.1:1", "ours")
    Removal(parameters.current(), kind).delete()
    assert kind.done == ["delete a in our kubeconfig"]

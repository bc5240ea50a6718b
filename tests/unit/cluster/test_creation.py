"""tasks.cluster.creation: which cluster is kept, and what is said about one that differs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import creation, provenance
from tasks.engines.docker import containers
from tasks.engines.kube import cluster_owner, kind
from tasks.engines.kube.kind import NodeFacts
from tasks.problems import Problem
from tasks.settings import parameters
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NODES = [
    NodeFacts("kind-control-plane", True, "sha256:0", 40000),
    NodeFacts("kind-worker", True, "sha256:0", 0),
    NodeFacts("kind-worker2", True, "sha256:0", 0),
]
WANTED = {
    "K8S_VERSION": "v1.31.0",
    "POD_SUBNET": "10.244.0.0/16",
    "node image": "sha256:" + "a" * 64,
    "kind config": "x",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> dict[str, object]:
    """What the cluster was made from; a test changes it."""
    choose()
    found: dict[str, object] = {"recorded": dict(WANTED)}
    monkeypatch.setattr(provenance, "recorded", lambda _name: found["recorded"])
    monkeypatch.setattr(provenance, "wanted", lambda _p: dict(WANTED))
    return found


def test_a_whole_cluster_is_kept(world: dict[str, object]) -> None:
    assert creation._keep(parameters.current(), NODES)


def test_a_half_made_cluster_of_ours_is_not_kept(world: dict[str, object]) -> None:
    world["recorded"] = None
    assert not creation._keep(parameters.current(), NODES)


@pytest.mark.parametrize(
    ("node", "done"),
    [
        (NodeFacts("kind-worker", running=True, image_id="", api_port=0), []),
        (NodeFacts("kind-worker", running=False, image_id="", api_port=0), ["start kind-worker"]),
        (NodeFacts("kind-worker", running=False, image_id="", api_port=0, paused=True), ["unpause kind-worker"]),
    ],
)
def test_a_node_that_stands_still_is_set_going_as_it_needs(
    monkeypatch: pytest.MonkeyPatch, node: NodeFacts, done: list[str]
) -> None:
    found: list[str] = []
    monkeypatch.setattr(containers, "start", lambda name: found.append(f"start {name}"))
    monkeypatch.setattr(containers, "unpause", lambda name: found.append(f"unpause {name}"))
    creation._start_stopped([node])
    assert found == done


def test_a_cluster_without_one_of_its_nodes_is_not_kept(world: dict[str, object]) -> None:
    assert not creation._keep(parameters.current(), NODES[:2])


def test_a_cluster_made_from_something_else_is_kept_by_a_problem_that_names_it(world: dict[str, object]) -> None:
    world["recorded"] = {
        **WANTED,
        "POD_SUBNET": "10.200.0.0/16",
        "kind config": "y",
        "node image": "sha256:" + "b" * 64,
    }
    with pytest.raises(Problem) as caught:
        creation._keep(parameters.current(), NODES)
    assert "POD_SUBNET 10.200.0.0/16 -> 10.244.0.0/16" in caught.value.message
    assert f"node image {'b' * 12} -> {'a' * 12}" in caught.value.message
    assert "kind config" not in caught.value.message
    assert "RECREATE=1" in caught.value.hint


def test_with_consent_it_is_not_kept(world: dict[str, object], choose: Callable[..., None]) -> None:
    choose(RECREATE="1")
    world["recorded"] = {**WANTED, "POD_SUBNET": "10.200.0.0/16"}
    assert not creation._keep(parameters.current(), NODES)


def test_a_change_of_the_template_alone_is_named_too(world: dict[str, object]) -> None:
    world["recorded"] = {**WANTED, "kind config": "y"}
    with pytest.raises(Problem, match="kind config y -> x"):
        creation._keep(parameters.current(), NODES)


@pytest.mark.parametrize(("late", "made"), [(0, True), (1, True), (9, True), (10, False)])
def test_each_node_that_comes_late_from_a_killed_run_costs_one_more_try_for_a_while(
    monkeypatch: pytest.MonkeyPatch, late: int, *, made: bool
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    done: list[str] = []

    def create(_name: str, _config: Path, _settings: object) -> None:
        done.append("create")
        if done.count("create") <= late:
            raise kind.NodesExist("cluster kind: something else makes nodes of it")

    monkeypatch.setattr(kind, "create", create)
    monkeypatch.setattr(kind, "delete", lambda _name, _settings: done.append("delete"))
    monkeypatch.setattr(cluster_owner, "require_ours", lambda _name: None)
    if made:
        creation._make_nodes(lab(CLUSTER_NAME="kind"), end=8)
        assert done == ["create", *["delete", "create"] * late]
    else:
        with pytest.raises(Problem, match="something else makes nodes of it"):
            creation._make_nodes(lab(CLUSTER_NAME="kind"), end=8)

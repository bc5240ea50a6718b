"""tasks.engines.kube.cluster_owner: what proves that a cluster is this checkout's, and the messages if it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.cluster import creation
from tasks.doctor import first_steps
from tasks.engines.docker import client
from tasks.engines.go import modules
from tasks.engines.kube import cluster_owner
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.cluster import CLUSTER_LABEL
from tests.unit.conftest import lab
from tests.unit.engine import Container, ours
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

OTHER = "/home/someone/all-in-one"
THEIRS = {"/root/controller": f"{OTHER}/build/controller", "/root/work": f"{OTHER}/work"}
NODES = ("kind-control-plane", "kind-worker", "kind-worker2")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, choose: Callable[..., None]) -> Path:
    """Return the cache folder of the parameters."""
    choose(CACHE_DIR=str(tmp_path / "cache"))
    return tmp_path / "cache"


def add(engine: Engine, name: str, label: str = "", mounts: Mapping[str, str] | None = None) -> None:
    """Add a container to an engine, by default without a cluster and without mounts (source by destination)."""
    labels = {CLUSTER_LABEL: label} if label else {}
    engine.containers[name] = Container("running", labels, mounts or {})


def said(name: str = "kind") -> tuple[str, str]:
    found = cluster_owner.objection(name)
    assert found is not None
    assert "\n" not in found.message
    return found.message, found.hint


def test_nothing_and_what_has_our_folders_is_no_obstacle(engine: Engine) -> None:
    cluster_owner.require_ours("kind")
    for node in NODES:
        add(engine, node, "kind", ours())
    cluster_owner.require_ours("kind")
    assert cluster_owner.is_ours("kind")


def test_one_of_ours_that_was_left_half_made_is_ours(engine: Engine) -> None:
    add(engine, "kind-worker", "kind", ours())
    engine.containers["kind-worker"].state = "created"
    cluster_owner.require_ours("kind")


def test_a_folder_that_is_reached_by_a_link_is_the_same(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(paths.WORK)
    add(engine, "kind-worker", "kind", {**ours(), "/root/work": str(tmp_path / "link")})
    cluster_owner.require_ours("kind")


def test_a_cluster_of_plain_kind_is_named_with_the_ways_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add(engine, "kind-control-plane", "kind")
    assert "; or delete it yourself: kind delete cluster --name kind" in said()[1]
    # From now on, the docker command would use another engine.
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    message, hint = said()
    assert message == "cluster kind: kind-control-plane not made by this tool, and left alone"
    assert "CLUSTER_NAME=kind-2" in hint
    assert f"DOCKER_HOST={engine.url} kind delete cluster --name kind" in hint


def test_the_cluster_of_another_checkout_is_named_by_its_path(engine: Engine) -> None:
    for node in NODES:
        add(engine, node, "kind", THEIRS)
    message, hint = said()
    assert message == f"cluster kind was made by the checkout {OTHER}, and is left alone"
    assert f"docker rm --force --volumes {' '.join(NODES)}" in hint


def test_another_checkout_that_is_there_deletes_its_cluster_itself(engine: Engine, tmp_path: Path) -> None:
    checkout = tmp_path / "check out"
    checkout.mkdir()
    (checkout / "doit").touch()
    add(engine, "kind-worker", "kind", {"/root/controller": f"{checkout}/build/controller"})
    assert f"CLUSTER_NAME=kind '{checkout}/doit' delete_cluster" in said()[1]


@pytest.mark.parametrize("mounts", [{}, {"/root/work": str(paths.WORK)}, {"/root/controller": str(paths.CONTROLLER)}])
def test_one_node_that_is_not_ours_makes_it_not_ours(engine: Engine, mounts: dict[str, str]) -> None:
    add(engine, "kind-control-plane", "kind", ours())
    add(engine, "kind-worker9", "kind", mounts)
    assert cluster_owner.objection("kind") is not None


def test_a_container_with_the_name_of_a_node_is_in_the_way(engine: Engine) -> None:
    add(engine, "kind-worker2")
    add(engine, "my-kind-worker")
    message, hint = said()
    assert message == "cluster kind: kind-worker2 not made by this tool, and left alone"
    assert "docker rm --force --volumes kind-worker2" in hint


def test_a_node_of_another_cluster_with_the_name_of_one_of_ours_is_in_the_way(engine: Engine) -> None:
    add(engine, "kind-worker", "another", ours())
    assert cluster_owner.objection("kind") is not None
    assert cluster_owner.objection("third") is None


def test_a_plan_stops_there_and_a_run_before_anything_is_touched(engine: Engine) -> None:
    add(engine, "kind-control-plane", "kind")
    assert "not made by this tool" in creation.lack().obstacles[0]
    with pytest.raises(Problem, match="not made by this tool"):
        creation.create()


def test_consent_to_rebuild_is_none_to_rebuild_anothers(engine: Engine, choose: Callable[..., None]) -> None:
    choose(RECREATE="1")
    add(engine, "kind-control-plane", "kind", THEIRS)
    with pytest.raises(Problem, match=OTHER):
        creation.create()


def test_nodes_that_come_while_ours_are_made_are_deleted_only_if_they_are_ours(
    engine: Engine, programs: Programs, cache: Path
) -> None:
    chosen = lab(CLUSTER_NAME="kind", CACHE_DIR=str(cache))
    programs.put("docker")
    programs.put("kind", Answer(err='node(s) already exist for a cluster with the name "kind"', code=1))
    built = modules._target(artifacts.KIND, chosen)
    built.mkdir(parents=True)
    (built / "kind").symlink_to(programs.folder / "kind")
    add(engine, "kind-control-plane", "kind")
    with pytest.raises(Problem, match="not made by this tool"):
        creation.Creation(chosen).make_nodes()
    assert [call[:3] for call in programs.calls if "kind" in call[0]] == [["kind", "create", "cluster"]]
    assert engine.requests == []


def test_a_machine_with_anothers_cluster_is_looked_at(engine: Engine) -> None:
    add(engine, "kind-control-plane", "kind")
    assert not first_steps.is_settled("create_cluster", parameters.current())


@pytest.mark.parametrize(("mounts", "refused"), [(THEIRS, True), ({}, False), (ours(), False)])
def test_what_is_lent_to_anothers_cluster_is_not_taken_from_it(
    engine: Engine, mounts: dict[str, str], *, refused: bool
) -> None:
    add(engine, "kind-worker", "kind", mounts)
    if refused:
        with pytest.raises(Problem, match=OTHER):
            cluster_owner.require_not_lent_there("kind")
    else:
        cluster_owner.require_not_lent_there("kind")


def test_without_an_engine_what_is_lent_can_be_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none/docker.sock")
    client.forget()
    cluster_owner.require_not_lent_there("kind")


def test_the_other_clusters_are_told_with_their_checkouts(engine: Engine) -> None:
    add(engine, "a-worker", "a", ours())
    add(engine, "b-worker", "b", ours())
    add(engine, "c-worker", "c", THEIRS)
    add(engine, "d-worker", "d")
    assert cluster_owner.others("a") == ["cluster b of this checkout", f"cluster c of the checkout {OTHER}"]
    assert cluster_owner.siblings() == {"a", "b"}

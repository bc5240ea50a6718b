"""tasks.cluster.creation: which cluster is kept, what a run does, and what a plan says of it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.cluster import provenance
from tasks.cluster.creation import Creation
from tasks.engines.host.routes import Route
from tasks.engines.kube import kubeconfigs
from tasks.lack import Lack
from tasks.problems import Problem
from tasks.settings import cluster, parameters
from tests.unit.cluster.fakes import access_to, lay_cluster
from tests.unit.engine import node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cluster.fakes import FakeKind
    from tests.unit.conftest import Lines
    from tests.unit.engine import Container

STARTED_OVER = ["delete a", "create"]


@pytest.fixture
def whole(build: Path, kind: FakeKind) -> FakeKind:
    """The kind that made cluster a, which is whole."""
    lay_cluster(kind.engine, parameters.current())
    kind.engine.networks[cluster.NETWORK] = {}
    kind.engine.requests.clear()
    return kind


def creation_with(kind: FakeKind, *routes: Route) -> Creation:
    """Return the creation of cluster a, whose API answers at once, on a host with these routes."""
    clock = itertools.count(step=10).__next__
    return Creation(parameters.current(), kind, (), answers=lambda _: True, routes=lambda: routes, clock=clock)


def make_from(**values: str) -> None:
    """Record that the cluster was made from what it would be made from now, except for these values."""
    provenance.ensure_record("a", {**provenance.wanted(parameters.current()), **values})


def lose_record(control_plane: Container) -> None:
    """Reset the control plane to what kind leaves, without the record."""
    control_plane.files.clear()


def test_a_whole_cluster_is_kept_as_it_is(whole: FakeKind) -> None:
    creation_with(whole).create()
    assert (whole.done, whole.engine.requests) == ([], [])


def test_the_nodes_are_listed_once_where_nothing_changes(whole: FakeKind) -> None:
    creation_with(whole).create()
    assert whole.engine.reads.count("GET /containers/json") == 1


def test_a_cluster_that_is_not_there_is_made(whole: FakeKind, build: Path) -> None:
    whole.engine.containers.clear()
    for file in (build / "cluster-a" / "kubeconfig", *kubeconfigs.files()):
        file.unlink()
    assert creation_with(whole).lack() == lacks.remade("cluster a: not there")
    creation_with(whole).create()
    assert whole.done == ["create", "export a"]
    assert provenance.recorded("a") == provenance.wanted(parameters.current())
    assert (build / "cluster-a" / "engine").read_text(encoding="utf-8") == f"{whole.engine.url}\n"
    assert (build / "cluster-a" / "kubeconfig").read_text(encoding="utf-8") == access_to("a")


def test_a_network_that_the_host_reaches_elsewhere_is_refused_before_there_are_nodes(whole: FakeKind) -> None:
    whole.engine.containers.clear()
    with pytest.raises(Problem, match=r"POD_SUBNET: 10\.244\.0\.0/16 overlaps the route to 10\.0\.0\.0/8 on tun0"):
        creation_with(whole, Route(IPv4Network("10.0.0.0/8"), "tun0")).create()
    assert whole.done == []


def test_a_half_made_cluster_of_ours_is_started_over(whole: FakeKind, said: Lines) -> None:
    lose_record(whole.engine.containers["a-control-plane"])
    assert creation_with(whole).lack() == lacks.remade("cluster a: left half made")
    creation_with(whole).create()
    assert whole.done == STARTED_OVER
    assert "Cluster a was left half made: starting it over." in said.kept


def test_a_cluster_without_one_of_its_nodes_is_started_over(whole: FakeKind, said: Lines) -> None:
    del whole.engine.containers["a-worker2"]
    assert creation_with(whole).lack() == Lack(("cluster a: lost a-worker2",), disrupts=(DISRUPTED,), remakes=True)
    creation_with(whole).create()
    assert whole.done == STARTED_OVER
    assert "Cluster a lost a-worker2, and kind adds no node: starting it over." in said.kept


DISRUPTED = "cluster a with its running dataflows: it is made again"


def test_what_a_cluster_borrowed_is_given_back_before_it_is_started_over(whole: FakeKind) -> None:
    lose_record(whole.engine.containers["a-control-plane"])
    seen: list[list[str]] = []
    replace(creation_with(whole), lenders=(lambda _: seen.append([*whole.done]),)).create()
    assert seen == [[]]
    assert whole.done == STARTED_OVER


@pytest.mark.parametrize(
    ("state", "done", "words"),
    [
        ("running", [], ""),
        ("exited", ["POST /containers/a-worker/start"], "node a-worker: stopped"),
        ("paused", ["POST /containers/a-worker/unpause"], "node a-worker: paused"),
    ],
)
def test_a_node_that_stands_still_is_set_going_as_it_needs(
    whole: FakeKind, state: str, done: list[str], words: str
) -> None:
    whole.engine.containers["a-worker"].state = state
    if words:
        assert creation_with(whole).lack() == lacks.of(words)
    creation_with(whole).create()
    assert whole.engine.requests == done
    assert whole.done == []


def test_a_control_plane_that_stood_still_has_its_port_again_afterwards(whole: FakeKind) -> None:
    whole.engine.containers["a-control-plane"].state = "exited"
    creation_with(whole).create()
    assert whole.engine.requests == ["POST /containers/a-control-plane/start"]
    assert whole.done == []


def test_a_kubeconfig_that_leads_elsewhere_is_written_anew(whole: FakeKind, build: Path) -> None:
    (build / "cluster-a" / "kubeconfig").write_text(access_to("a", 1), encoding="utf-8")
    assert creation_with(whole).lack() == lacks.of("kubeconfig: lacks the cluster")
    creation_with(whole).create()
    assert (build / "cluster-a" / "kubeconfig").read_text(encoding="utf-8") == access_to("a")


def test_a_cluster_made_from_something_else_is_kept_by_a_problem_that_names_it(whole: FakeKind) -> None:
    make_from(**{"POD_SUBNET": "10.200.0.0/16", "kind config": "y", "node image": f"sha256:{'b' * 64}"})
    with pytest.raises(Problem) as caught:
        creation_with(whole).create()
    assert "POD_SUBNET 10.200.0.0/16 -> 10.244.0.0/16" in caught.value.message
    made_now = provenance.wanted(parameters.current())["node image"][:12]
    assert f"node image {'b' * 12} -> {made_now}" in caught.value.message
    assert "kind config" not in caught.value.message
    assert "RECREATE=1" in caught.value.hint
    found = creation_with(whole).lack()
    assert "POD_SUBNET 10.200.0.0/16 -> 10.244.0.0/16" in found.reasons
    assert found.obstacles == ("needs consent: RECREATE=1, or ./doit delete_cluster first",)
    assert whole.done == []


def test_where_only_parameters_differ_those_that_keep_the_cluster_are_named(whole: FakeKind) -> None:
    make_from(**{"POD_SUBNET": "10.200.0.0/16", "kind config": "y"})
    keeps = "; or keep it as it is: POD_SUBNET=10.200.0.0/16 in .env"
    with pytest.raises(Problem, match=r"POD_SUBNET 10\.200\.0\.0/16 -> 10\.244\.0\.0/16") as caught:
        creation_with(whole).create()
    assert caught.value.hint == f"RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first{keeps}"
    (obstacle,) = creation_with(whole).lack().obstacles
    assert obstacle == f"needs consent: RECREATE=1, or ./doit delete_cluster first{keeps}"
    assert whole.done == []


def test_with_consent_it_is_not_kept(whole: FakeKind, choose: Callable[..., None]) -> None:
    make_from(POD_SUBNET="10.200.0.0/16")
    choose(**{**CHOSEN, "CACHE_DIR": str(parameters.current().cache_dir)})
    assert creation_with(whole).lack() == Lack(
        ("POD_SUBNET 10.200.0.0/16 -> 10.244.0.0/16",), disrupts=(DISRUPTED,), remakes=True
    )
    creation_with(whole).create()
    assert whole.done == STARTED_OVER


CHOSEN = {"CLUSTER_NAME": "a", "RECREATE": "1"}


def test_a_change_of_the_template_alone_is_named_too(whole: FakeKind) -> None:
    make_from(**{"kind config": "y"})
    with pytest.raises(Problem, match=r"from something else, .*: kind config y -> [0-9a-f]{12}\b"):
        creation_with(whole).create()


def test_a_record_with_more_than_is_asked_for_is_written_anew(whole: FakeKind) -> None:
    make_from(SOMETHING="that no longer counts")
    assert creation_with(whole).lack() == lacks.of("cluster a: its record is written anew")
    creation_with(whole).create()
    assert whole.done == []
    assert provenance.recorded("a") == provenance.wanted(parameters.current())


@pytest.mark.parametrize("answers", [True, False])
def test_an_api_that_does_not_answer_is_all_that_a_whole_cluster_lacks(whole: FakeKind, *, answers: bool) -> None:
    found = replace(creation_with(whole), answers=lambda _: answers).lack()
    assert found == (lacks.NOTHING if answers else lacks.of("cluster a: its API does not answer"))


def test_a_node_more_than_were_made_is_no_reason_for_anything(whole: FakeKind) -> None:
    whole.engine.containers["a-worker9"] = node("a")
    assert not creation_with(whole).lack()


@pytest.mark.parametrize("late", [0, 1, 3])
def test_each_node_that_comes_late_from_a_killed_run_costs_one_more_try(whole: FakeKind, late: int) -> None:
    whole.late = late
    creation_with(whole).make_nodes()
    assert whole.done == ["create", *["delete a", "create"] * late]


def test_nodes_that_go_on_coming_are_not_waited_for_beyond_the_patience(whole: FakeKind) -> None:
    whole.late = 4
    with pytest.raises(Problem, match="something else makes nodes of it"):
        creation_with(whole).make_nodes()
    assert whole.done == [*["create", "delete a"] * 3, "create"]


def test_nodes_that_come_while_ours_are_made_are_deleted_only_if_they_are_ours(whole: FakeKind) -> None:
    def come() -> None:
        whole.engine.containers["a-control-plane"] = node("a", mounts={})

    whole.late, whole.comes = 1, come
    with pytest.raises(Problem, match="not made by this tool"):
        creation_with(whole).make_nodes()
    assert whole.done == ["create"]

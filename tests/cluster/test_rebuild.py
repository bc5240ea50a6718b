"""A cluster is never rebuilt because a parameter changed, unless the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers as docker_containers
from tasks.engines.kube import manifests
from tests.cluster.lab import ANSWERS, BASIC, NAME, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

OTHER = "10.245.0.0/16"


def test_drift_is_named_and_the_cluster_is_left_alone(verified: Lab) -> None:
    containers, pods = verified.node_ids(), verified.pod_uids()
    output = verified.fail("create_cluster", POD_SUBNET=OTHER)
    named = [line for line in output.splitlines() if f"POD_SUBNET 10.244.0.0/16 -> {OTHER}" in line]
    assert len(named) == 1
    assert "Try: RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first" in output
    assert (verified.node_ids(), verified.pod_uids()) == (containers, pods)
    assert answers(verified.run(BASIC)) == ANSWERS


def test_a_cluster_that_lost_a_node_is_made_again_and_it_is_said(verified: Lab) -> None:
    containers = verified.node_ids()
    docker_containers.remove(f"{NAME}-worker2")
    output = verified.run(BASIC)
    assert f"Cluster {NAME} lost {NAME}-worker2" in output
    assert answers(output) == ANSWERS
    assert sorted(verified.node_ids()) == sorted(containers)


@pytest.fixture
def rebuilt(verified: Lab) -> Iterator[Lab]:
    """The lab; its cluster is deleted afterwards, because a test may leave it with other parameters."""
    yield verified
    verified.run("delete_cluster")


def test_with_consent_it_is_rebuilt(rebuilt: Lab) -> None:
    containers = rebuilt.node_ids()
    output = rebuilt.run(BASIC, POD_SUBNET=OTHER, RECREATE="1")
    assert answers(output) == ANSWERS
    assert not set(containers.values()) & set(rebuilt.node_ids().values())
    assert {node["spec"]["podCIDR"].rpartition(".")[0][:6] for node in rebuilt.api.list(manifests.NODE)} == {"10.245"}
    # Consent applies to one change, not to a rebuild in each run.
    containers = rebuilt.node_ids()
    rebuilt.run(BASIC, POD_SUBNET=OTHER, RECREATE="1")
    assert rebuilt.node_ids() == containers

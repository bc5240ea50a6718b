"""The next run restores what was removed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import client
from tasks.engines.docker import containers as docker_containers
from tasks.engines.kube import manifests
from tasks.settings import cluster
from tests.cluster.lab import ANSWERS, BASIC, NAME, NAMESPACE, answers, function_pod, started

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.kube.manifests import Kind
    from tests.cluster.lab import Lab

SCENARIO = f"scenario:{BASIC.partition(':')[2]}"
NODE_IMAGE = f"dci-kind-node-non-acc:{NAME}"
REGISTRY = "openkasugai-registry"


@dataclass(frozen=True)
class Damage:
    """Damage that is done to a cluster by hand.

    Attributes:
        what: Name of the case.
        do: Does the damage.
        task: The task that has to notice.
    """

    what: str
    do: Callable[[Lab], object]
    task: str


def deleted(kind: Kind, name: str, namespace: str) -> Callable[[Lab], object]:
    """Delete an object and wait until it is gone."""

    def do(lab: Lab) -> None:
        lab.api.delete(kind, name, namespace)
        lab.api.wait_gone(kind, name, namespace, deadline=60)

    return do


def stopped(*suffixes: str) -> Callable[[Lab], object]:
    """Stop containers of nodes, as a crash of the engine would."""

    def stop(_lab: Lab) -> None:
        for suffix in suffixes:
            client.client().api.kill(f"{NAME}-{suffix}")

    return stop


def without_file(path: str) -> Callable[[Lab], object]:
    """Remove a file or folder on a worker."""
    return lambda _lab: docker_containers.exec_in(f"{NAME}-worker", ["rm", "-r", path])


DAMAGES = (
    Damage("pod", deleted(manifests.POD, function_pod("plus"), NAMESPACE), BASIC),
    Damage("configuration", deleted(manifests.CONFIG_MAP, "functionkindmap", "default"), "controller:configuration"),
    Damage(
        "function type's configuration", deleted(manifests.CONFIG_MAP, "funcinfo-calcapp-plus", NAMESPACE), SCENARIO
    ),
    Damage(
        "Deployment",
        deleted(manifests.DEPLOYMENT, "wbfunction-controller-manager", "wbfunction-system"),
        "controller:managers",
    ),
    Damage("DaemonSet", deleted(manifests.DAEMON_SET, "crc-cpufunction-daemon", "default"), "controller:daemons"),
    Damage("pod network", without_file("/etc/cni/net.d/10-pod-network.conflist"), "addon:bridge-cni"),
    Damage("trust in the registry", without_file("/etc/containers/certs.d"), "node:trust-registry"),
    Damage("worker", stopped("worker"), "_kind"),
    Damage("paused worker", lambda _lab: client.client().api.pause(f"{NAME}-worker"), "_kind"),
    Damage("all nodes", stopped("worker2", "worker", "control-plane"), "_kind"),
    Damage("registry", lambda lab: docker_containers.remove(REGISTRY), "registry"),
    Damage(
        "image", lambda lab: client.client().api.remove_image(NODE_IMAGE, force=True), "image:dci-kind-node-non-acc"
    ),
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_the_next_run_puts_it_back(verified: Lab, damage: Damage) -> None:
    containers = verified.node_ids()
    damage.do(verified)
    output = verified.run(BASIC)
    assert damage.task in started(output)
    assert answers(output) == ANSWERS
    assert verified.node_ids() == containers
    assert started(verified.run(BASIC)) == [BASIC]


def test_nodes_that_come_back_with_other_addresses_find_each_other(verified: Lab) -> None:
    containers, before = verified.node_ids(), addresses()
    stopped("worker2", "worker", "control-plane")(verified)
    api = client.client().api
    # The first container that comes back gets the lowest free address; the squatter takes it before its owner does.
    squatter = api.create_container(NODE_IMAGE, ["sleep", "infinity"], entrypoint=[], host_config=in_network())
    try:
        api.start(squatter)
        for suffix in ("worker2", "worker"):
            api.start(f"{NAME}-{suffix}")
        output = verified.run(BASIC)
    finally:
        api.remove_container(squatter, force=True)
    assert answers(output) == ANSWERS
    assert verified.node_ids() == containers
    assert addresses() != before


def addresses() -> list[str]:
    """Return the address of each node."""
    found = docker_containers.labelled(f"{cluster.CLUSTER_LABEL}={NAME}")
    return [node.addresses[cluster.NETWORK] for node in found]


def in_network() -> Any:
    """Return the host config for a container in the nodes' network."""
    return client.client().api.create_host_config(network_mode=cluster.NETWORK)

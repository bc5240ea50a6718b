"""Waiting, at a real API server, for the virtual functions that the nodes offer to pods."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.nics import pods
from tasks.problems import Problem
from tasks.settings import nics as settings
from tests.network.contract import set_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube

NODE = "nics-worker"
PLUGIN = "kube-sriov-device-plugin"
SYSTEM = "kube-system"


@pytest.fixture(autouse=True)
def node(api: Kube) -> Iterator[str]:
    """A node of the cluster, of which only the status is used."""
    api.apply([{"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}])
    yield NODE
    api.delete(manifests.NODE, NODE)


@pytest.fixture
def plugin(api: Kube) -> Iterator[str]:
    """The device plugin's DaemonSet."""
    labels = {"name": PLUGIN}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "plugin", "image": "x:1"}]}}
    api.apply(
        [
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": PLUGIN, "namespace": SYSTEM},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }
        ]
    )
    yield PLUGIN
    api.delete(manifests.DAEMON_SET, PLUGIN, SYSTEM)
    for pod in api.list(manifests.POD, SYSTEM, f"name={PLUGIN}"):
        api.delete(manifests.POD, manifests.name_of(pod), SYSTEM)


def offer(api: Kube, count: int) -> None:
    """Make the node offer `count` functions, as its kubelet does on behalf of the device plugin."""
    amount = {settings.RESOURCE: str(count)}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
    set_status(api, node, {"capacity": amount, "allocatable": amount})


@pytest.mark.usefixtures("plugin")
def test_functions_are_awaited_until_the_node_offers_them(api: Kube) -> None:
    offer(api, 2)
    later = threading.Timer(0.5, offer, (api, 3))
    later.start()
    pods.await_allocatable({NODE: 3}, api)
    assert pods._allocatable(api, NODE) == 3
    later.join()


def run_plugin(api: Kube, node: str, phase: str) -> str:
    """Create a pod of the device plugin on a node; return its name."""
    name = f"plugin-on-{node}"
    container = {"name": "plugin", "image": "x:1"}
    metadata = {"name": name, "namespace": SYSTEM, "labels": {"name": PLUGIN}}
    # No kubelet ends it, so it goes at once when it is deleted.
    tolerations = [{"operator": "Exists"}]
    spec = {
        "nodeName": node, "containers": [container], "tolerations": tolerations, "terminationGracePeriodSeconds": 0
    }  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    api.apply([pod])
    set_status(api, pod, {"phase": phase})
    return name


@pytest.mark.usefixtures("plugin")
def test_plugin_that_looks_again_by_itself_is_left_alone(api: Kube) -> None:
    offer(api, 0)
    pod = run_plugin(api, NODE, "Running")
    with pytest.raises(Problem, match="last seen: 0"):
        pods.await_allocatable({NODE: 3}, api, looks_again=True, deadline=0.5)
    assert "deletionTimestamp" not in (api.get(manifests.POD, pod, SYSTEM) or {})["metadata"]


@pytest.mark.usefixtures("plugin")
def test_plugin_that_started_before_the_functions_is_started_again(api: Kube) -> None:
    offer(api, 0)
    known, starting, elsewhere = (
        run_plugin(api, node, phase) for node, phase in ((NODE, "Running"), ("late", "Pending"), ("other", "Running"))
    )

    def ends(pod: str) -> bool:
        found = api.get(manifests.POD, pod, SYSTEM)
        return found is None or "deletionTimestamp" in found["metadata"]

    def play_kubelet() -> None:
        waiting.until("the plugin's pod ends", lambda: ends(known), bool, deadline=30)
        offer(api, 3)

    kubelet = threading.Thread(target=play_kubelet)
    kubelet.start()
    pods.await_allocatable({NODE: 3}, api)
    kubelet.join()
    assert not ends(elsewhere)
    pods.await_allocatable({NODE: 3}, api)
    plugin = next(item for item in api.list(manifests.DAEMON_SET) if item["metadata"]["name"] == PLUGIN)
    pods._start_again(api, plugin, "late")
    assert not ends(starting), "one that has not started yet finds them anyway"


@pytest.mark.usefixtures("plugin")
def test_node_that_does_not_offer_them_is_named(api: Kube) -> None:
    offer(api, 2)
    with pytest.raises(Problem, match=rf"node {NODE}: 3 allocatable {settings.RESOURCE}.*last seen: 2"):
        pods.await_allocatable({NODE: 3}, api, deadline=0.5)


def test_nothing_is_awaited_where_no_plugin_runs(api: Kube) -> None:
    pods.await_allocatable({NODE: 3}, api)

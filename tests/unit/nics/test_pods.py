"""Pods and their virtual functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.engines.kube import manifests
from tasks.nics import pods as nics_pods
from tasks.problems import Problem
from tasks.settings import nics as settings
from tests.unit.nics.world import link

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube


def pod(phase: str, bdf: str, mac: str = "") -> dict[str, Any]:
    """Return a pod that was given a virtual function, as Multus records it."""
    status = [
        {"name": "pod-network", "interface": "eth0", "default": True},
        {"name": "sriov", "interface": "net1", "mac": mac, "device-info": {"pci": {"pci-address": bdf}}},
    ]
    annotations = {"k8s.v1.cni.cncf.io/network-status": json.dumps(status)}
    return {
        "metadata": {"name": "calcapp", "namespace": "a", "annotations": annotations}, "status": {"phase": phase}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pods", "holder"),
    [
        ([], ""),
        ([pod("Running", "0000:17:00.4")], "a/calcapp"),
        ([pod("Pending", "0000:17:00.5", mac="0A:00:00:00:00:02")], "a/calcapp"),
        ([pod("Running", "0000:17:00.5")], ""),
        ([pod("Succeeded", "0000:17:00.4")], ""),
        ([{"metadata": {"name": "plain", "namespace": "a"}, "status": {"phase": "Running"}}], ""),
    ],
    ids=["no pod", "its pod", "its pod by MAC", "another's", "ended", "no annotation"],
)
def test_pod_that_has_a_function_is_found(pods: list[dict[str, Any]], holder: str) -> None:
    assert nics_pods.holder_among(pods, link("ens9f0v2")) == holder


class Api:
    """The API, as far as it is asked for the device plugin and the allocatable resources."""

    def __init__(self, plugin: bool, allocatable: list[str]) -> None:
        self.plugin, self.allocatable = plugin, allocatable

    def list(self, kind: manifests.Kind, *_: str) -> list[dict[str, Any]]:
        name = "kube-sriov-device-plugin" if self.plugin else "kube-proxy"
        labels = {"matchLabels": {"name": name}}
        item = {"metadata": {"name": name, "namespace": "kube-system"}, "spec": {"selector": labels}}
        return [item] if kind == manifests.DAEMON_SET else []

    def get(self, _: object, __: str) -> dict[str, Any]:
        count = self.allocatable.pop(0) if len(self.allocatable) > 1 else self.allocatable[0]
        return {"status": {"allocatable": {settings.RESOURCE: count}}}


def test_functions_are_awaited_where_the_plugin_runs() -> None:
    api = Api(plugin=True, allocatable=["0", "7", "8"])
    nics_pods.await_allocatable({"kind-worker": 8}, cast("Kube", api))
    assert api.allocatable == ["8"]


def test_functions_are_not_awaited_without_a_plugin() -> None:
    nics_pods.await_allocatable({"kind-worker": 8}, cast("Kube", Api(plugin=False, allocatable=["0"])))


def test_plugin_that_sees_nothing_is_named() -> None:
    with pytest.raises(Problem, match=r"node kind-worker: 8 allocatable .*; last seen: 3") as caught:
        nics_pods.await_allocatable({"kind-worker": 8}, cast("Kube", Api(plugin=True, allocatable=["3"])), deadline=0.1)
    assert caught.value.hint == "./doit kubectl -n kube-system logs daemonset/kube-sriov-device-plugin"

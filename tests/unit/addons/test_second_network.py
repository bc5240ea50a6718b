"""addons.second_network: networks of second interfaces where Multus and IPAM are of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.addons import second_network
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.conftest import lab
from tests.unit.target.somewhere import Api, parameters_of

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

RESOURCE = "k8s.v1.cni.cncf.io/resourceName"


def served(group: str) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"ippools.{group}"},
        "spec": {"group": group},
    }


def pool(name: str) -> Object:
    return {"apiVersion": "nv-ipam.nvidia.com/v1alpha1", "kind": "IPPool", "metadata": {"name": name}}


def cluster(*objects: Object) -> Kube:
    return cast("Kube", Api([*objects]))


NV_IPAM, WHEREABOUTS = served("nv-ipam.nvidia.com"), served("whereabouts.cni.cncf.io")


@pytest.mark.parametrize(
    ("objects", "given", "ipam"),
    [
        ([NV_IPAM, pool("one")], "", {"type": "nv-ipam", "poolName": "one"}),
        ([NV_IPAM, pool("one"), pool("two")], '{"type": "nv-ipam", "poolName": "two"}', {"poolName": "two"}),
        ([WHEREABOUTS], "", {"type": "whereabouts", "range": "192.168.20.0/24", "gateway": "192.168.20.1"}),
        ([], '{"type": "static"}', {"type": "static"}),
    ],
)
def test_addresses_come_from_what_is_there_or_is_named(objects: list[Object], given: str, ipam: dict[str, Any]) -> None:
    chosen = lab(**parameters_of(SRIOV="given", SRIOV_IPAM=given, ADDONS=""))
    found = second_network.ipam(cluster(*objects), chosen)
    assert {name: found[name] for name in ipam} == ipam


@pytest.mark.parametrize(
    ("objects", "says"),
    [([], "neither nvidia-k8s-ipam nor whereabouts"), ([NV_IPAM, pool("a"), pool("b")], "not one pool, but a, b")],
)
def test_without_one_ipam_the_parameter_is_named(objects: list[Object], says: str) -> None:
    chosen = lab(**parameters_of(SRIOV="given", ADDONS=""))
    with pytest.raises(Problem, match=says) as problem:
        second_network.ipam(cluster(*objects), chosen)
    assert "SRIOV_IPAM=" in problem.value.hint


def test_each_namespace_of_functions_has_a_network_of_the_resource() -> None:
    chosen = lab(**parameters_of(SRIOV="given", SRIOV_RESOURCE="openshift.io/cards", ADDONS=""))
    made = second_network.objects(cluster(WHEREABOUTS), ("one", "two"), chosen)
    assert {item["kind"] for item in made} == {"NetworkAttachmentDefinition"}
    assert {item["metadata"]["annotations"][RESOURCE] for item in made} == {"openshift.io/cards"}
    by_hand = {manifests.name_of(item) for item in made if manifests.namespace_of(item) == "test01"}
    assert {"one-config-net-sriov", "two-config-net-sriov"} <= by_hand
    networks = [item for item in made if item["metadata"]["name"] == "sriov-ipam-config"]
    assert {item["metadata"]["namespace"] for item in networks} == {*known.function_namespaces()}
    assert {json.loads(item["spec"]["config"])["type"] for item in networks} == {"sriov"}


def test_what_an_add_on_of_ours_brings_is_not_made_twice() -> None:
    chosen = lab(**parameters_of(SRIOV="given", ADDONS="multus,nvidia-k8s-ipam", ADDON_IMAGES="source"))
    assert second_network.objects(cluster(), ("one", "two"), chosen) == []

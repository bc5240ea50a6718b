"""tasks.addons.manifests: what runs for stand-in cards, and where whereabouts takes nvidia-k8s-ipam's place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.addons import address_blocks
from tasks.addons.manifests import Manifests
from tasks.engines.files import atomic
from tasks.patterns import known
from tasks.settings import addons, emulation, images, nics
from tasks.target import choice as targets
from tests.unit.conftest import lab
from tests.unit.engine import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tasks.settings.addons import Release
    from tests.unit.engine import Engine

IMAGE = "ghcr.io/k8snetworkplumbingwg/whereabouts"
# Upstream's manifests of whereabouts, reduced to what the overlay looks at.
WHEREABOUTS: dict[str, list[Object]] = {
    "daemonset-install.yaml": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "whereabouts-config", "namespace": "kube-system"},
            "data": {"cron-expression": "30 4 * * *"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "whereabouts", "namespace": "kube-system"},
            "spec": {
                "selector": {"matchLabels": {"name": "whereabouts"}},
                "template": {
                    "metadata": {"labels": {"name": "whereabouts"}},
                    "spec": {
                        "containers": [
                            {
                                "name": "whereabouts",
                                "image": f"{IMAGE}:latest",
                                "command": ["/bin/sh"],
                                "args": ["-c"],
                                "resources": {"requests": {"cpu": "100m"}},
                            }
                        ]
                    },
                },
            },
        },
    ],
    **{
        f"whereabouts.cni.cncf.io_{name}.yaml": [
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{name}.whereabouts.cni.cncf.io"},
            }
        ]
        for name in ("ippools", "nodeslicepools", "overlappingrangeipreservations")
    },
}


@pytest.fixture(autouse=True)
def base(engine: Engine) -> None:
    """Give the engine the base, from which add-ons' images start."""
    engine.images[images.tag(images.BASE, lab())] = Image()


@pytest.fixture
def upstream(tree: Path) -> Path:
    """The folder of whereabouts' manifests."""
    for name, items in WHEREABOUTS.items():
        atomic.write(tree / "crds" / name, "\n---\n".join(json.dumps(item) for item in items))
    return tree / "crds"


@pytest.fixture
def multus(tree: Path) -> Path:
    """A manifest of Multus with the one workload that its overlay changes."""
    containers = [{"name": "kube-multus", "image": "x", "resources": {}}]
    spec = {"containers": containers, "initContainers": [{"name": "install", "image": "x", "command": ["cp"]}]}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-multus-ds", "namespace": "kube-system"},
        "spec": {"template": {"spec": spec}},
    }
    file = tree / "multus-daemonset-thick.yml"
    atomic.write(file, json.dumps(workload))
    return file


def rendered(name: str, release: Release | None, source: Path | None, **values: str) -> dict[str, Object]:
    """Return the objects of a release by kind and name, with the namespace of a network."""
    assert release is not None
    found = Manifests(name, release, lab(**values), lambda *_: source).objects()
    return {f"{item['kind']} {item['metadata']['name']}": item for item in found}


def pod(item: Object) -> dict[str, Any]:
    found: dict[str, Any] = item["spec"]["template"]["spec"]
    return found


def delegates(objects: dict[str, Object]) -> list[dict[str, Any]]:
    networks = [item for item in objects.values() if item["kind"] == "NetworkAttachmentDefinition"]
    assert networks
    for item in networks:
        assert item["metadata"]["annotations"] == {"k8s.v1.cni.cncf.io/resourceName": nics.RESOURCE}
    return [json.loads(item["spec"]["config"]) for item in networks]


@pytest.mark.usefixtures("tree")
def test_the_stand_in_plugin_gets_the_real_ones_configuration_name_and_place() -> None:
    addon = addons.addon("sriov-device-plugin")
    values = {"EMULATE": "sriov", "SRIOV_NUM_VFS": "4", "SRIOV_PF_IF_1": "ens1f0", "SRIOV_IF_REGEX_1": "ens1f0.*"}
    found = rendered(addon.name, addon.emulated, None, **values)
    config = next(item for label, item in found.items() if label.startswith("ConfigMap sriovdp-config-"))
    (resource,) = json.loads(config["data"]["config.json"])["resourceList"]
    assert f"{resource['resourcePrefix']}/{resource['resourceName']}" == nics.RESOURCE
    assert resource["selectors"]["pfNames"] == ["ens1f0", "ens9f1np1"]
    plugin = found["DaemonSet kube-sriov-device-plugin"]
    assert plugin["spec"]["selector"]["matchLabels"] == {"name": "sriov-device-plugin"}
    (container,) = pod(plugin)["containers"]
    assert container["args"][-2:] == ["-functions", "4"]
    assert container["image"].startswith("registry.openkasugai.lab/images/addon-stand-in-device-plugin:")
    assert pod(plugin)["hostNetwork"]
    assert {"configMap": {"name": config["metadata"]["name"]}, "name": "config-volume"} in pod(plugin)["volumes"]


@pytest.mark.parametrize(("emulate", "delegate"), [("", nics.DELEGATE), ("sriov", emulation.DELEGATE)])
def test_the_second_networks_have_the_delegate_of_the_cards(
    upstream: Path, multus: Path, emulate: str, delegate: dict[str, str]
) -> None:
    ipam = addons.addon("nvidia-k8s-ipam")
    found = rendered(ipam.name, ipam.substitute, upstream, EMULATE=emulate)
    manual = rendered("multus", addons.addon("multus").release, multus, EMULATE=emulate)
    (static,) = delegates(manual)
    assert static["ipam"] == {"type": "static"}
    for config in [static, *delegates(found)]:
        assert config["cniVersion"] == "0.3.1"
        assert delegate.items() <= config.items()


def test_whereabouts_has_the_networks_of_nvidia_k8s_ipam(upstream: Path) -> None:
    ipam = addons.addon("nvidia-k8s-ipam")
    assert ipam.substitute
    found = Manifests(ipam.name, ipam.substitute, lab(), lambda *_: upstream).objects()
    networks = [item for item in found if item["kind"] == "NetworkAttachmentDefinition"]
    assert {item["metadata"]["name"] for item in networks} == {"sriov-ipam-config"}
    assert sorted(item["metadata"]["namespace"] for item in networks) == sorted(known.namespaces())
    for item in networks:
        assert json.loads(item["spec"]["config"])["ipam"]["type"] == "whereabouts"


def test_whereabouts_runs_on_the_workers_with_the_block_of_each(upstream: Path) -> None:
    ipam = addons.addon("nvidia-k8s-ipam")
    found = rendered(ipam.name, ipam.substitute, upstream)
    blocks = next(item for label, item in found.items() if label.startswith("ConfigMap whereabouts-blocks-"))
    wanted = address_blocks.whereabouts(lab(), targets.of(lab()).card_nodes)
    assert {name: json.loads(text) for name, text in blocks["data"].items()} == {
        f"{node}.json": block for node, block in wanted.items()
    }
    daemon = pod(found["DaemonSet whereabouts"])
    (container,) = daemon["containers"]
    assert container["command"] == ["/start"]
    assert "args" not in container
    assert container["image"].startswith("registry.openkasugai.lab/images/addon-whereabouts:")
    assert daemon["volumes"] == [{"name": "blocks", "configMap": {"name": blocks["metadata"]["name"]}}]
    (term,) = daemon["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]
    assert found["ConfigMap whereabouts-config"]["data"]["cron-expression"] == "*/10 * * * *"


def test_another_block_restarts_the_pods_that_write_it(upstream: Path) -> None:
    ipam = addons.addon("nvidia-k8s-ipam")
    names = set()
    for size in ("20", "30"):
        daemon = pod(
            rendered(ipam.name, ipam.substitute, upstream, NV_IPAM_PER_NODE_BLOCK_SIZE=size)["DaemonSet whereabouts"]
        )
        names.add(daemon["volumes"][0]["configMap"]["name"])
    assert len(names) == 2

"""tasks.addons.manifests: the overlays, applied to manifests with the shape of upstream's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks import lack as lacks
from tasks.addons import address_pool, choice, installation
from tasks.addons.manifests import Manifests
from tasks.engines.files import atomic
from tasks.engines.kube import manifests as kube_manifests
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import addons as table
from tasks.settings import nics, parameters, paths
from tasks.settings.parameters import layers
from tests.threads import side_by_side
from tests.unit.addons.pools import EARLIER, hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tests.unit.conftest import Lines
    from tests.unit.kube_api import KubeApi

POOL = "172.18.255.1-172.18.255.32"
REFUSED = "example.com/m@v1.0.0: 404 Not Found: no such version"


def container(name: str, image: str) -> dict[str, Any]:
    return {"name": name, "image": image}


def workload(kind: str, name: str, namespace: str, **pod: Any) -> Object:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


CA = {"conversion": {"webhook": {"clientConfig": {"caBundle": "eA==", "service": {"name": "webhook"}}}}}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "bgppeers.metallb.io"},
    "spec": CA,
}
SRIOV_VOLUME = {"name": "config-volume", "configMap": {"name": "sriovdp-config"}}
NODE_AGENT = container("calico-node", "docker.io/calico/node:v1") | {"env": [{"name": "FELIX", "value": "1"}]}
# Upstream's manifests, reduced to what the overlays look at.
UPSTREAM = {
    "metallb": [
        DEFINITION,
        workload(
            "Deployment",
            "controller",
            "metallb-system",
            containers=[container("controller", "quay.io/metallb/controller:v0")],
        ),
        workload(
            "DaemonSet", "speaker", "metallb-system", containers=[container("speaker", "quay.io/metallb/speaker:v0")]
        ),
    ],
    "multus": [
        workload(
            "DaemonSet",
            "kube-multus-ds",
            "kube-system",
            containers=[
                container("kube-multus", "ghcr.io/k8snetworkplumbingwg/multus-cni:snapshot-thick")
                | {"resources": {"limits": {"cpu": "100m"}}}
            ],
            initContainers=[
                container("install", "ghcr.io/k8snetworkplumbingwg/multus-cni:snapshot-thick") | {"command": ["cp"]}
            ],
        )
    ],
    "sriov-device-plugin": [
        workload(
            "DaemonSet",
            "kube-sriov-device-plugin",
            "kube-system",
            containers=[container("dp", "ghcr.io/k8snetworkplumbingwg/sriov-network-device-plugin:latest")],
            volumes=[SRIOV_VOLUME],
        )
    ],
    "nvidia-k8s-ipam": [
        workload(
            "DaemonSet",
            "nv-ipam-node",
            "kube-system",
            containers=[container("node", "ghcr.io/mellanox/nvidia-k8s-ipam:latest")],
        )
    ],
    "calico": [workload("DaemonSet", "calico-node", "kube-system", containers=[NODE_AGENT])],
}
# Where the overlays look for them.
PLACES = {
    "metallb": "metallb-native.yaml",
    "multus": "multus-daemonset-thick.yml",
    "sriov-device-plugin": "k8snetworkplumbingwg-sriov-network-device-plugin-v3.7.0-sriovdp-daemonset.yaml",
    "nvidia-k8s-ipam": "deploy",
    "calico": "projectcalico-calico-v3.28.1-calico.yaml",
}


@pytest.fixture
def described(tree: Path, choose: Callable[..., None]) -> Callable[..., Manifests]:
    """A function that returns an add-on's manifests for the physical server, made from the upstream manifests above."""

    def describe(name: str, **values: str) -> Manifests:
        choose(**{"PROFILE": "physical", "METALLB_POOL": POOL, **values})
        text = "\n---\n".join(json.dumps(item) for item in UPSTREAM[name])
        upstream = tree / "upstream" / PLACES[name]
        if upstream.suffix:
            atomic.write(upstream, text)
        else:
            atomic.write(upstream / "overlays/no-webhook/all.yaml", text)
            atomic.write(upstream / "overlays/no-webhook/kustomization.yaml", "resources: [all.yaml]\n")
        return Manifests(name, released(name), parameters.current(), lambda *_: upstream)

    return describe


@pytest.fixture
def rendered(described: Callable[..., Manifests]) -> Callable[..., dict[str, Object]]:
    """A function that renders an add-on for the physical server, and returns its objects by kind and name."""

    def render(name: str, **values: str) -> dict[str, Object]:
        found = described(name, **values).objects()
        return {f"{item['kind']} {item['metadata']['name']}": item for item in found}

    return render


def released(name: str) -> table.Release:
    release = table.addon(name).release
    assert release is not None
    return release


def pod(item: Object) -> dict[str, Any]:
    found: dict[str, Any] = item["spec"]["template"]["spec"]
    return found


def test_the_pool_of_metallb_and_its_images(rendered: Callable[..., dict[str, Object]]) -> None:
    found = rendered("metallb", METALLB_REGISTRY="mirror.example.org/metallb")
    assert found["IPAddressPool cpufunc-pool"]["spec"]["addresses"] == [POOL]
    assert found["L2Advertisement cpufunc-pool"]["spec"]["ipAddressPools"] == ["cpufunc-pool"]
    speaker = pod(found["DaemonSet speaker"])["containers"][0]
    assert speaker["image"] == "mirror.example.org/metallb/speaker:v0.14.8"
    assert speaker["command"] == ["/speaker"]


def test_two_tasks_that_need_the_objects_at_the_same_time_have_them(described: Callable[..., Manifests]) -> None:
    metallb = described("metallb")
    once = metallb.objects()
    (kept,) = (paths.RENDERED / "addons").glob("metallb-*.json")
    kept.unlink()
    for found in side_by_side([metallb.objects] * 3):
        assert found == once
    assert sorted(path.name for path in kept.parent.iterdir()) == [kept.name, f"{kept.name}.lock"]


def test_the_ca_that_metallb_writes_is_not_declared(rendered: Callable[..., dict[str, Object]]) -> None:
    definition = rendered("metallb")["CustomResourceDefinition bgppeers.metallb.io"]
    assert definition["spec"]["conversion"]["webhook"]["clientConfig"] == {"service": {"name": "webhook"}}


def test_multus_brings_the_manuals_network_in_the_namespace_that_the_controller_has_too(
    rendered: Callable[..., dict[str, Object]],
) -> None:
    objects = rendered("multus")
    assert objects["Namespace test01"] == kube_manifests.namespace("test01")
    network = objects["NetworkAttachmentDefinition kind-worker-config-net-sriov"]
    assert network["metadata"]["namespace"] == "test01"
    assert network["metadata"]["annotations"] == {"k8s.v1.cni.cncf.io/resourceName": nics.RESOURCE}
    config = json.loads(network["spec"]["config"])
    assert (config["type"], config["name"], config["ipam"]) == ("sriov", "kind-worker-net-sriov", {"type": "static"})


def test_multus_is_installed_by_renaming_and_pinned(rendered: Callable[..., dict[str, Object]]) -> None:
    found = pod(rendered("multus")["DaemonSet kube-multus-ds"])
    assert found["initContainers"][0]["command"][0].endswith("/install_multus")
    images = {each["image"] for each in (*found["initContainers"], *found["containers"])}
    assert images == {"ghcr.io/k8snetworkplumbingwg/multus-cni:v4.1.0-thick"}
    assert found["containers"][0]["resources"]["limits"] == {"cpu": "400m", "memory": "200Mi"}


def test_the_device_plugin_offers_the_functions_of_the_cards(rendered: Callable[..., dict[str, Object]]) -> None:
    found = rendered("sriov-device-plugin", SRIOV_PF_IF_1="ens1f0", SRIOV_IF_REGEX_1="ens1f0.*")
    config = next(item for label, item in found.items() if label.startswith("ConfigMap sriovdp-config-"))
    (resource,) = json.loads(config["data"]["config.json"])["resourceList"]
    assert f"{resource['resourcePrefix']}/{resource['resourceName']}" == "nvidia.com/mlnx_sriov_netdevice"
    assert resource["selectors"].keys() == {"pfNames"}
    assert resource["selectors"]["pfNames"][:2] == ["ens1f0", "ens9f1np1"]
    assert len(resource["selectors"]["pfNames"]) == len(nics.WORKERS)
    plugin = pod(found["DaemonSet kube-sriov-device-plugin"])
    assert plugin["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    assert plugin["containers"][0]["image"].endswith(":v3.7.0")


def test_nvidia_k8s_ipam_has_the_pool_of_the_parameters(rendered: Callable[..., dict[str, Object]]) -> None:
    pool = rendered("nvidia-k8s-ipam", NV_IPAM_PER_NODE_BLOCK_SIZE="20")["IPPool nv-pool1"]
    assert pool["spec"] == {
        "subnet": "192.168.20.0/24",
        "perNodeBlockSize": 20,
        "gateway": "192.168.20.1",
        "exclusions": [
            {"startIP": "192.168.20.0", "endIP": "192.168.20.9"},
            {"startIP": "192.168.20.51", "endIP": "192.168.20.255"},
        ],
        "nodeSelector": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}]}
            ]
        },
    }


def test_all_namespaces_of_functions_have_the_second_network(
    described: Callable[..., Manifests],
) -> None:
    found = described("nvidia-k8s-ipam").objects()
    networks = [item for item in found if item["kind"] == "NetworkAttachmentDefinition"]
    assert sorted(item["metadata"]["namespace"] for item in networks) == sorted(known.namespaces())
    assert {"cpufunc-calcapp", "cpufunc-sample"} <= set(known.namespaces())
    for item in networks:
        assert item["metadata"]["name"] == "sriov-ipam-config"
        assert item["metadata"]["annotations"]["k8s.v1.cni.cncf.io/resourceName"] == "nvidia.com/mlnx_sriov_netdevice"
        assert json.loads(item["spec"]["config"])["ipam"] == {"type": "nv-ipam", "poolName": "nv-pool1"}


def test_calico_gives_addresses_of_the_pod_subnet(rendered: Callable[..., dict[str, Object]]) -> None:
    (node,) = pod(rendered("calico", POD_SUBNET="10.64.0.0/16")["DaemonSet calico-node"])["containers"]
    env = {each["name"]: each["value"] for each in node["env"]}
    assert env["CALICO_IPV4POOL_CIDR"] == "10.64.0.0/16"
    assert env["IP_AUTODETECTION_METHOD"] == "kubernetes-internal-ip"
    assert env["FELIX"] == "1"
    assert node["image"] == "docker.io/calico/node:v3.28.1"


def test_no_image_of_an_addon_floats(choose: Callable[..., None]) -> None:
    choose(PROFILE="physical")
    for addon in table.ADDONS:
        for release in addon.releases:
            for image in release.images:
                assert "{version}" in image.tag


def test_that_addresses_are_kept_is_said_once(
    manual: KubeApi, proxy: dict[str, str], described: Callable[..., Manifests], said: Lines
) -> None:
    proxy["metallb"] = ""
    hold(manual, EARLIER)
    manifests = described("metallb", CLUSTER_NAME="kind", METALLB_POOL="auto")
    manifests.objects()
    addon = table.addon("metallb")
    notice = f"metallb: {address_pool.notice(manifests.chosen)}"
    assert EARLIER in notice
    metallb = choice.Choice(addon, manifests)
    assert notice in installation._lack_in_cluster(metallb).reasons
    installation._say_what_is_special(metallb)
    assert said.kept == [notice]
    assert notice not in installation._lack_in_cluster(metallb).reasons


def test_an_addon_that_the_proxy_refuses_is_left_out_and_said_once(
    tree: Path, proxy: dict[str, str], said: Lines
) -> None:
    del tree
    proxy["nvidia-k8s-ipam"] = REFUSED
    proxy["whereabouts"] = "example.com/other@v1.0.0: 403 Forbidden"
    assert installation.lack("nvidia-k8s-ipam") == lacks.of(f"nvidia-k8s-ipam: {REFUSED}")
    installation.install("nvidia-k8s-ipam")
    assert said.kept == [f"Left out nvidia-k8s-ipam: {REFUSED}"]
    assert not installation.lack("nvidia-k8s-ipam")
    assert not installation.lack_of_image("nvidia-k8s-ipam")
    assert not installation._told(table.addon("multus"), "kind")


def test_an_unknown_addon_and_one_without_what_it_needs_are_one_line() -> None:
    with pytest.raises(Problem, match=r"ADDONS: 'multas' is not an add-on; did you mean multus\?"):
        parameters.validated(layers.read(paths.ROOT, {"ADDONS": "multas"}))
    with pytest.raises(Problem, match="ADDONS: nvidia-k8s-ipam needs multus"):
        parameters.validated(layers.read(paths.ROOT, {"ADDONS": "nvidia-k8s-ipam"}))

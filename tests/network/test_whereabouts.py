"""whereabouts as it runs on two nodes: the real plugin, with the files that the add-on writes, on a real API server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tasks.addons import address_blocks
from tasks.engines.go import modules
from tasks.engines.kube import manifests
from tasks.engines.programs.shell import Command
from tasks.settings import addons, artifacts, emulation, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube

# The blocks are 192.168.20.1 to .12 and .13 to .24, and the first exclusion ends at .9.
VALUES = {"PROFILE": "lab", "CLUSTER_NAME": "kind", "NV_IPAM_PER_NODE_BLOCK_SIZE": "12"}
WORKERS = ("kind-worker", "kind-worker2")
OF_FIRST = ["192.168.20.10/24", "192.168.20.11/24", "192.168.20.12/24"]


@dataclass(frozen=True)
class Node:
    """A node that pods are started on and end on.

    Attributes:
        plugin: The program.
        network: Its network's configuration, as Multus hands it on.
    """

    plugin: Path
    network: str

    def add(self, pod: str) -> str:
        """Start a pod; return its address, or what the plugin complains about."""
        answer = json.loads(self._call("ADD", pod))
        return str(answer["ips"][0]["address"]) if "ips" in answer else str(answer["msg"])

    def delete(self, pod: str) -> None:
        """End a pod."""
        self._call("DEL", pod)

    def _call(self, command: str, pod: str) -> str:
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": f"sandbox-of-{pod}",
            "CNI_IFNAME": "net1",
            "CNI_NETNS": "/var/run/netns/none",
            "CNI_PATH": str(self.plugin.parent),
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod}",
        }
        return Command([self.plugin], environment, stdin=self.network).run(check=False).stdout


@pytest.fixture
def nodes(api: Kube, kubeconfig: Path, tmp_path: Path) -> tuple[Node, Node]:
    """Both workers."""
    chosen = parameters.validated(layers.read(paths.ROOT, VALUES))
    source = modules.module_folder(artifacts.WHEREABOUTS, artifacts.WHEREABOUTS.module, chosen) / "doc/crds"
    api.apply(item for file in sorted(source.glob("whereabouts.cni*.yaml")) for item in manifests.load(file))
    plugin = modules.program(artifacts.WHEREABOUTS, "whereabouts", chosen)
    release = addons.addon("nvidia-k8s-ipam").substitute
    assert release
    made = []
    for node, block in address_blocks.whereabouts(chosen, WORKERS).items():
        file = tmp_path / f"{node}.json"
        file.write_text(json.dumps({**block, "kubernetes": {"kubeconfig": str(kubeconfig)}}), encoding="utf-8")
        ipam = {**release.ipam, "configuration_path": str(file)}
        network = {**emulation.DELEGATE, "cniVersion": "0.3.1", "name": "sriov-ipam-config", "ipam": ipam}
        made.append(Node(plugin, json.dumps(network)))
    return made[0], made[1]


def test_each_node_gives_the_addresses_of_its_block_once_and_takes_them_back(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    assert [first.add(pod) for pod in ("a", "b", "c")] == OF_FIRST
    assert "Could not allocate IP in range" in first.add("d")
    assert second.add("e") == "192.168.20.13/24"
    assert first.add("b") == OF_FIRST[1]  # its sandbox was made anew
    first.delete("b")
    assert first.add("d") == OF_FIRST[1]
    for pod in ("a", "c", "d"):
        first.delete(pod)
    second.delete("e")
    assert [first.add(pod) for pod in ("a", "b", "c")] == OF_FIRST

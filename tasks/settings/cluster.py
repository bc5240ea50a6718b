"""Names and places of a kind cluster. kind fixes most of them."""

from __future__ import annotations

from dataclasses import dataclass

NETWORK = "kind"
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
API_PORT = 6443

CONTROL_PLANE = "control-plane"
WORKER = "worker"

# The socket of each runtime, if it is not kind's own default.
CRI_SOCKETS = {"crio": "unix:///var/run/crio/crio.sock"}

# CRI-O reads the CAs of a registry from here at each pull; containerd is configured to do the same.
TRUST = "/etc/containers/certs.d"

# Where the nodes see the controller's source; only the clusters of this tool have it.
CONTROLLER = "/root/controller"
# Where they see what the user puts into the checkout: videos for the pods.
WORK = "/root/work"

# Where kubectl looks if root runs it in a node.
ROOT_KUBECONFIG = "/root/.kube/config"

# In the control plane's own file system: a record of what the cluster was made from. It exists once kind has finished.
RECORD = "/etc/openkasugai/cluster.json"


@dataclass(frozen=True)
class Node:
    """A node of the cluster.

    Attributes:
        suffix: Follows the cluster's name in the node's name.
        role: kind's word for its role.
    """

    suffix: str
    role: str

    def name(self, cluster_name: str) -> str:
        """Return the name of the node and of its container."""
        return f"{cluster_name}-{self.suffix}"


NODES = (Node("control-plane", CONTROL_PLANE), Node("worker", WORKER), Node("worker2", WORKER))


def node_names(cluster_name: str) -> list[str]:
    """Return the names of the nodes, the control plane first."""
    return [node.name(cluster_name) for node in NODES]

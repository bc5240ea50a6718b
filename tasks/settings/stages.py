"""The parts of the graph that kinds of clusters make in different ways, and what is of one kind alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import addons, target

if TYPE_CHECKING:
    from collections.abc import Mapping

# The nodes can run pods.
READY = "ready"
# The registry that the nodes pull from runs, and is known in the cluster.
REGISTRY = "registry"
# What a registry of this server runs on.
ENGINE = "engine"
# What an image of an add-on is compiled with.
ADDON_IMAGE = "addon_image"
# All add-ons that a prepared cluster has.
ADDONS = "addons"
# What offers functions of cards, and GPUs, to pods.
NICS = "nics"
GPU = "gpu"
# What gives Services of type LoadBalancer addresses.
LOADBALANCER = "loadbalancer"
# What the pod that sends videos stands on.
SENDER = "sender"

_IN_CLUSTER = tuple(f"addon:{addon.name}" for addon in addons.ADDONS if not addon.is_pod_network)
_POD_NETWORKS = tuple(f"addon:{addon.name}" for addon in addons.ADDONS if addon.is_pod_network)

# The tasks of each part, in their order, by the kind of cluster.
STAGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    target.KIND: {
        READY: ("_ready",),
        REGISTRY: ("_registry_hosting", "registry"),
        ENGINE: ("engine",),
        ADDON_IMAGE: ("image:base", "registry", "registry_ca"),
        ADDONS: ("addon",),
        NICS: ("_virtual_functions",),
        GPU: ("_gpu_in_inventory",),
        LOADBALANCER: (),
        SENDER: (),
    },
    target.EXISTING: {
        READY: ("attach", "_workers"),
        REGISTRY: ("registry_ca",),
        ENGINE: (),
        ADDON_IMAGE: ("registry_ca",),
        ADDONS: _IN_CLUSTER,
        NICS: ("_networks",),
        GPU: ("_offered:gpu",),
        LOADBALANCER: ("_offered:loadbalancer",),
        # Only where there are virtual functions.
        SENDER: ("_networks",),
    },
}

_NODES = "the nodes of an existing cluster are used as they are", "./doit attach"
_CARDS = "the operators of an existing cluster offer its cards", "SRIOV=given with the patterns that need them"
_GPUS = "the operators of an existing cluster offer its GPUs", "./doit doctor --for attach"
_NETWORK = "an existing cluster has its own pod network", "./doit attach"
_ENGINE = "an existing cluster runs on no Docker engine of this machine", "./doit attach"
_REGISTRY = "an existing cluster cannot reach a registry that is embedded here", "./doit registry_ca"
# What cannot be run on a kind of cluster: tasks and groups by name, with the reason and the way to go instead.
REFUSED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    target.KIND: {
        "attach": ("is for a cluster that exists already", "./doit create_cluster, or TARGET=existing"),
        "detach": ("is for a cluster that exists already", "./doit delete_cluster, or TARGET=existing"),
        "target_rbac": ("is for a cluster that exists already", "TARGET=existing"),
    },
    target.EXISTING: {
        **dict.fromkeys(("images", "image", "kind_config", "_kind", "_ready", "node", "benchmark"), _NODES),
        **dict.fromkeys(("nics", "nics_restore", "nics_status", "_virtual_functions"), _CARDS),
        **dict.fromkeys(("gpu_lease", "gpu_return", "_gpu_in_inventory"), _GPUS),
        **dict.fromkeys(_POD_NETWORKS, _NETWORK),
        "engine": _ENGINE,
        **dict.fromkeys(("registry", "_registry_hosting"), _REGISTRY),
        "delete_cluster": ("an existing cluster is not ours to delete", "./doit detach, which deletes what is ours"),
    },
}

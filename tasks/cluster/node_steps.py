"""The node steps: which files each puts on which nodes, compared with what is there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts
from tasks.engines.docker import node_files as engine
from tasks.engines.kube import access
from tasks.registry import certificates
from tasks.settings import cluster, controller, credentials, node_steps, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.docker.node_files import NodeFile
    from tasks.lack import Lack
    from tasks.settings.node_steps import NodeStep
    from tasks.settings.parameters.model import Parameters

# The first place where the kubelet looks: its root folder.
_KUBELET_CREDENTIALS = "/var/lib/kubelet/config.json"
_SERVER = re.compile(r"server: https://\S+")


def lack(name: str) -> Lack:
    """Return which files are missing on the first node where a step is unfinished."""
    p = parameters.current()
    step = _step(name)
    files = _FILES[step](p)
    if not files:
        return lacks.SETTLED  # if no credentials are given, those on a node stay
    nodes = _nodes(step, p.cluster_name)
    return engine.first_lack(nodes, lambda node: engine.lack(node, step.name, files))


def apply(name: str) -> None:
    """Apply a step to the nodes that lack it."""
    p = parameters.current()
    step = _step(name)
    files = _FILES[step](p)
    if not files:
        return
    nodes = _nodes(step, p.cluster_name)
    progress.step(f"{step.name} on {', '.join(nodes)}")
    engine.on_each(nodes, lambda node: engine.sync(node, step.name, files, units=step.units))


def _step(name: str) -> NodeStep:
    return next(step for step in node_steps.NODE_STEPS if step.name == name)


def _nodes(step: NodeStep, name: str) -> list[str]:
    return [node.name(name) for node in cluster.NODES if node.role in step.roles]


def _registry_ca(p: Parameters) -> list[NodeFile]:
    host = p.dci_registry_addr_alt.partition("/")[0]
    return [engine.NodeFile(f"{cluster.TRUST}/{host}/ca.crt", certificates.registry_ca())]


def _credentials(p: Parameters) -> list[NodeFile]:
    """Return the credentials that the kubelet passes to any runtime with each image to pull."""
    chosen = credentials.current()
    if chosen is None:
        return []
    host = p.dci_registry_addr_alt.partition("/")[0]
    content = json.dumps({"auths": {host: {"auth": chosen.basic}}})
    return [engine.NodeFile(_KUBELET_CREDENTIALS, content.encode(), 0o600)]


def _kubeconfig(p: Parameters) -> list[NodeFile]:
    """Return the tool's own kubeconfig with the address that nodes use, for the daemons and for root's kubectl.

    Both have every right in the cluster. To read the control plane's takes 50 ms.
    """
    control_plane = cluster.node_names(p.cluster_name)[0]
    inside = f"server: https://{control_plane}:{cluster.API_PORT}"
    content = _SERVER.sub(inside, access.kubeconfig(p.cluster_name).read_text(encoding="utf-8"))
    return [
        engine.NodeFile(facts.facts().kubeconfig, content.encode(), 0o600, controller.USER_ID),
        engine.NodeFile(cluster.ROOT_KUBECONFIG, content.encode(), 0o600),
    ]


def _executable_tmp(_: Parameters) -> list[NodeFile]:
    unit = node_steps.EXECUTABLE_TMP.units[0]
    content = (paths.MANIFEST / "node" / unit).read_bytes()
    return [engine.NodeFile(f"/etc/systemd/system/{unit}", content)]


_FILES: dict[NodeStep, Callable[[Parameters], list[NodeFile]]] = {
    node_steps.TRUST_REGISTRY: _registry_ca,
    node_steps.CREDENTIALS: _credentials,
    node_steps.KUBECONFIG: _kubeconfig,
    node_steps.EXECUTABLE_TMP: _executable_tmp,
}

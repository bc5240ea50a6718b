"""The networks of second interfaces in an existing cluster whose Multus and IPAM are of others.

This tool's own add-ons bring the same networks with them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.addons import address_blocks
from tasks.engines.files import templates
from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import controller, nics, parameters, paths
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_TEMPLATE = "networks.yaml.j2"
_NETWORK = "NetworkAttachmentDefinition"
# Add-ons with networks.
_MULTUS, _IPAM = "multus", "nvidia-k8s-ipam"
_POOL = Kind("nv-ipam.nvidia.com/v1alpha1", "IPPool")
_BLOCKS = Kind("whereabouts.cni.cncf.io/v1alpha1", "IPPool")


def lack() -> Lack:
    """Return which of the networks are not there as they should be."""
    chosen = parameters.current()
    there = choice.of(chosen)
    return there.api.lack(objects(there.api, there.workers, chosen))


def make() -> None:
    """Make the networks.

    Raises:
        Problem: The cluster has no IPAM that this tool knows, or several pools.
    """
    chosen = parameters.current()
    there = choice.of(chosen)
    made = there.api.apply(objects(there.api, there.workers, chosen))
    progress.line(f"networks: {len(made.changed)} objects applied, {made.unchanged} were as they should be")


def objects(cluster: Kube, workers: Sequence[str], chosen: Parameters) -> list[Object]:
    """Return the networks that no add-on of this tool brings.

    Args:
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.

    Raises:
        Problem: As `make`.
    """
    values: dict[str, Any] = {
        "delegate": nics.DELEGATE,
        "resource": chosen.sriov_resource,
        "function_namespaces": known.function_namespaces(),
        "static_nodes": workers,
        "namespaces": {
            name: manifests.namespace(name) for name in (*known.function_namespaces(), *controller.NAMESPACES)
        },
        "ipam": {} if _IPAM in chosen.addons else ipam(cluster, chosen),
    }
    return [network for name in (_MULTUS, _IPAM) if name not in chosen.addons for network in _of(name, values)]


def _of(addon: str, values: dict[str, Any]) -> Iterator[Object]:
    template = paths.MANIFEST / addon / _TEMPLATE
    for item in manifests.parse(templates.render(template, **values), str(template)):
        # The namespaces themselves are made with what else they have.
        if item["kind"] == _NETWORK:
            yield item


def ipam(cluster: Kube, chosen: Parameters) -> dict[str, Any]:
    """Return how a second interface gets its address: SRIOV_IPAM, or by what the cluster has.

    Args:
        cluster: The API.
        chosen: The parameters of the run.

    Raises:
        Problem: As `make`.
    """
    if chosen.sriov_ipam:
        return dict(json.loads(chosen.sriov_ipam))
    served = {item["spec"]["group"] for item in cluster.list(manifests.CUSTOM_RESOURCE_DEFINITION)}
    if _group(_POOL) in served:
        return {"type": "nv-ipam", "poolName": _pool(cluster)}
    if _group(_BLOCKS) in served:
        return {
            "type": "whereabouts",
            "range": str(chosen.nv_ipam_subnet),
            "exclude": address_blocks.excluded(chosen),
            "gateway": str(chosen.nv_ipam_gateway),
        }
    raise Problem("second interfaces: neither nvidia-k8s-ipam nor whereabouts is there to give them addresses",
                  hint=f"SRIOV_IPAM=<ipam of a CNI configuration in JSON>, or ADDONS={_IPAM}")  # fmt: skip


def _pool(cluster: Kube) -> str:
    names = [*map(manifests.name_of, cluster.list(_POOL))]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        hint = 'SRIOV_IPAM={"type": "nv-ipam", "poolName": "<one of them>"}'
        raise Problem(f"second interfaces: nvidia-k8s-ipam has not one pool, but {found}", hint=hint)
    return names[0]


def _group(kind: Kind) -> str:
    return kind.api_version.partition("/")[0]

"""How the parameters of an existing cluster fit the others; a rule yields the parameter to blame and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import addons, cluster, nics, sriov, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.settings.parameters.model import Parameters

_DEVICE_PLUGIN = "sriov-device-plugin"
# The add-on that cuts blocks of addresses.
_BLOCKS = "nvidia-k8s-ipam"
_OF_KIND = "TARGET=existing runs on a cluster that exists already"


def is_named(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield what names the existing cluster but is empty."""
    if p.target != target.EXISTING:
        return
    for name in ("TARGET_KUBECONFIG", "TARGET_CONTEXT"):
        if not getattr(p, name.lower()):
            yield name, "is empty, but TARGET=existing needs it: the current context is never used"


def fits(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield what an existing cluster cannot have."""
    if p.target != target.EXISTING:
        return
    if p.recreate:
        yield "RECREATE", f"1 makes clusters of kind anew, but {_OF_KIND}"
    if p.registry == "embedded":
        yield "REGISTRY", f"embedded is on this server alone, but {_OF_KIND}, whose nodes cannot reach it"
    if p.inventory == "collector":
        yield "INVENTORY", f"collector works on the nodes of kind, but {_OF_KIND}"
    if p.metallb_pool == "auto" and addons.LOAD_BALANCER in p.addons:
        yield "METALLB_POOL", f"auto takes addresses of kind's network, but {_OF_KIND}: name free ones of its network"
    if p.emulate:
        yield "EMULATE", f"{','.join(p.emulate)} stands in for devices of kind's nodes, but {_OF_KIND}"


def functions_fit(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield what virtual functions cannot be had as."""
    if p.target == target.KIND:
        if p.sriov != "none":
            yield "SRIOV", f"{p.sriov} is of a cluster that exists already (TARGET=existing); ./doit nics lends cards"
        if p.sriov_resource != nics.RESOURCE:
            yield "SRIOV_RESOURCE", f"a cluster of kind offers them as {nics.RESOURCE}, not as {p.sriov_resource}"
        return
    if p.sriov_resource == nics.RESOURCE:
        return
    if p.controller_images == "registry":
        yield "SRIOV_RESOURCE", f"the images of CONTROLLER_IMAGES=registry ask for {nics.RESOURCE}: build them (source)"
    if _DEVICE_PLUGIN in p.addons:
        yield "SRIOV_RESOURCE", f"{_DEVICE_PLUGIN} (ADDONS) offers {nics.RESOURCE}, not {p.sriov_resource}"


def policies_fit(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield what the policies of an SR-IOV network operator cannot have."""
    if p.sriov != sriov.POLICY or p.target == target.KIND:
        return
    name = p.sriov_resource.partition("/")[2]
    if not sriov.RESOURCE.fullmatch(name):
        yield "SRIOV_RESOURCE", f"the operator takes letters, digits and '_' after the '/', not {name} (SRIOV=policy)"
    if _DEVICE_PLUGIN in p.addons:
        yield "ADDONS", f"{_DEVICE_PLUGIN} is of the operator where SRIOV=policy"


def places_are_workers(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield the places of patterns on nodes that are no workers."""
    for place, node in p.target_places:
        if p.target_workers and node not in p.target_workers:
            yield "TARGET_PLACES", f"{place}:{node}: {node} is not one of TARGET_WORKERS {', '.join(p.target_workers)}"


def workers(p: Parameters) -> int:
    """Return how many nodes run functions: those of TARGET_WORKERS; without it, as many as the places of patterns."""
    if p.target == target.EXISTING:
        return len(p.target_workers) or len(target.PLACES)
    return sum(node.role == cluster.WORKER for node in cluster.NODES)


def blocks(p: Parameters) -> int:
    """Return how many blocks of addresses are cut: one for each worker, unless others give all addresses."""
    are_cut = p.target != target.EXISTING or _BLOCKS in p.addons
    return workers(p) if are_cut else 0


def title(p: Parameters) -> str:
    """Return how messages call the existing cluster; empty for one of kind, which CLUSTER_NAME names."""
    return f"existing cluster {p.target_context}" if p.target == target.EXISTING else ""


def needs_engine(p: Parameters) -> bool:
    """Return whether a Docker engine is needed, whatever images the registry has: kind's nodes are its containers."""
    return p.target == target.KIND


def lends_cards(p: Parameters) -> bool:
    """Return whether the cards of SRIOV_PF_IF_1 and _2 are of one machine, which lends them to nodes."""
    return p.target == target.KIND


def may_build(p: Parameters) -> bool:
    """Return whether images may have to be built here, for which a Docker engine is needed."""
    return needs_engine(p) or not p.controller_images == p.function_images == "registry"

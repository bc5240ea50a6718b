"""What an existing cluster is, and what of it is ours; no engine of this machine is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import access, applyset, attachment, manifests
from tasks.problems import Problem
from tasks.settings.parameters import target_rules
from tasks.target import add_ons, nodes, workloads
from tasks.target.workloads import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters


def rows(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield what there is: the cluster, its workers, and what this checkout made there.

    Args:
        p: The parameters of the run.
    """
    attached = attachment.load(p.cluster_name)
    yield "target", target_rules.title(p)
    if attached is None:
        yield "attached", "no; ./doit doctor --for attach says what attaching takes"
        return
    yield "server", attached.server
    yield "UID", attached.uid
    yield "owner", attached.owner
    try:
        cluster = access.cluster(p.cluster_name)
        found, namespaces, pods = cluster.lists(manifests.NODE, manifests.NAMESPACE, manifests.POD)
        there = add_ons.of_others(cluster, attached.owner)
    except Problem as problem:
        yield "Kubernetes", problem.message
        return
    workers = nodes.workers(found, p.target_workers, p.target_places)
    yield "version", ", ".join(_versions(found))
    yield "workers", f"{len(workers)} of {len(found)} nodes: {', '.join(workers)}"
    ours = [manifests.name_of(one) for one in namespaces if applyset.owner_of(one) == attached.owner]
    yield "namespaces of ours", ", ".join(ours) or "none"
    yield "add-ons of others", ", ".join(f"{name} {version}" for name, version in there.items()) or "none"
    yield from workloads.rows(found, [pod for pod in pods if manifests.namespace_of(pod) in ours])


def parts(p: Parameters) -> Mapping[str, Callable[[], Seen]]:
    """Return what the overview shows.

    Args:
        p: The parameters of the run.
    """
    return {"cluster": lambda: _cluster(p)}


def _cluster(p: Parameters) -> Seen:
    title = target_rules.title(p)
    attached = attachment.load(p.cluster_name)
    if attached is None:
        return Seen(f"{title}: not attached", is_there=False)
    found = access.cluster(p.cluster_name).list(manifests.NODE)
    return Seen(f"{title} at {attached.server}: {len(found)} nodes, {', '.join(_versions(found))}")


def _versions(found: Sequence[Object]) -> list[str]:
    """Return the versions of the nodes, each once."""
    seen = (str(node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")) for node in found)
    return sorted({version for version in seen if version})

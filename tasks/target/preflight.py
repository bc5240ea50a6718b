"""What stands against making anything in an existing cluster; each check returns one line for each obstacle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.engines.kube import applyset, attachment, manifests
from tasks.patterns import known
from tasks.settings import controller, paths, sriov, target
from tasks.target import add_ons, candidate, rights, sriov_refusals
from tasks.target.sriov_policies import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tasks.engines.kube.manifests import Object
    from tasks.target.candidate import Candidate

    Look = Callable[[Candidate], Iterator[str]]

_MINOR = re.compile(r"v?(\d+)\.(\d+)")


def namespaces() -> tuple[str, ...]:
    """Return the namespaces that are made: those of the managers, those that they expect, and those of functions."""
    return tuple(dict.fromkeys([*target.MANAGERS, *controller.NAMESPACES, *known.function_namespaces()]))


def against_uid(found: Candidate) -> Iterator[str]:
    """Yield why the user has not agreed to what would be made in this very cluster."""
    wanted = found.chosen.target_uid
    if not wanted:
        yield f"TARGET_UID: is empty; TARGET_UID={found.uid} is your consent to what ./doit doctor --for attach shows"
    elif wanted != found.uid:
        yield f"TARGET_UID: {wanted} is not this cluster, whose kube-system has the UID {found.uid}"


def against_tool(found: Candidate) -> Iterator[str]:
    """Yield whether the cluster is one that this tool made with kind."""
    for file in sorted(paths.BUILD.glob("cluster-*/kubeconfig")):
        name = file.parent.name.removeprefix("cluster-")
        if attachment.load(name) is None and f"server: {found.server}\n" in file.read_text("utf-8"):
            yield f"TARGET_CONTEXT: {found.chosen.target_context}: cluster {name}, which this checkout made with kind"
            return
    listed = [item for item in found.api.list(manifests.NAMESPACE) if manifests.name_of(item) in namespaces()]
    marked = [item for item in [*listed, *found.api.list(manifests.CONFIG_MAP, "kube-public")] if _is_of_kind(item)]
    if marked:
        yield f"{found.chosen.target_context}: {manifests.label_of(marked[0])}: a cluster that this tool made with kind"


def _is_of_kind(item: Object) -> bool:
    """Return whether this tool made an object in a cluster of its own, where nothing is marked as anybody's."""
    return manifests.is_stamped(item) and not applyset.owner_of(item)


def against_version(found: Candidate) -> Iterator[str]:
    """Yield whether the version of Kubernetes is not one that the tests run on."""
    match = _MINOR.match(found.version)
    minor = tuple(map(int, match.groups())) if match else ()
    if not target.OLDEST <= minor <= target.NEWEST:
        yield f"Kubernetes {found.version} is not one of {_shown(target.OLDEST)} to {_shown(target.NEWEST)}"


def _shown(version: tuple[int, int]) -> str:
    return f"v{version[0]}.{version[1]}"


def against_nodes(found: Candidate) -> Iterator[str]:
    """Yield which of the workers cannot run functions."""
    by_name = {manifests.name_of(node): node for node in found.nodes}
    for name in found.workers:
        if name not in by_name:
            yield f"TARGET_WORKERS: {name} is not a node of this cluster; it has {', '.join(sorted(by_name))}"
            continue
        info = by_name[name]["status"].get("nodeInfo", {})
        kind = info.get("operatingSystem", ""), info.get("architecture", "")
        if kind != (target.SYSTEM, target.ARCHITECTURE):
            yield f"{name}: is {'/'.join(kind)}; the images are made for {target.SYSTEM}/{target.ARCHITECTURE}"
        host = (by_name[name]["metadata"].get("labels") or {}).get(target.HOST_NAME, name)
        if host != name:
            yield f"{name}: its label {target.HOST_NAME} is {host}, but the controller places functions by node names"
    if not found.workers:
        yield "no node takes pods that is not of the control plane: TARGET_WORKERS=<nodes>"


def against_owner(found: Candidate) -> Iterator[str]:
    """Yield whether another checkout is attached to the cluster."""
    parent = found.api.get(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)
    if parent is None:
        return
    owner = applyset.owner_of(parent)
    if not owner:
        yield f"{manifests.label_of(parent)}: exists and is not ours"
    elif owner != candidate.owner(found.chosen):
        there = (parent["metadata"].get("annotations") or {}).get(target.CHECKOUT, "another checkout")
        yield f"{there} is attached to it: ./doit detach there; or, in its place, TARGET_OWNER={owner}"


def against_names(found: Candidate) -> Iterator[str]:
    """Yield the namespaces and definitions that are there and are not ours."""
    wanted = namespaces()
    there = [item for item in found.api.list(manifests.NAMESPACE) if manifests.name_of(item) in wanted]
    definitions = found.api.list(manifests.CUSTOM_RESOURCE_DEFINITION)
    there += [item for item in definitions if item["spec"]["group"] == target.GROUP]
    owner = candidate.owner(found.chosen)
    for item in there:
        if applyset.owner_of(item) != owner:
            yield f"{manifests.label_of(item)}: exists and is not ours"


def against_rights(found: Candidate) -> Iterator[str]:
    """Yield what the credentials may not do."""
    for phrase in rights.missing(found.api.facts, rights.needed(found.chosen)):
        yield f"these credentials may not {phrase}: ./doit target_rbac prints the role to ask for"


def against_addons(found: Candidate) -> Iterator[str]:
    """Yield the add-ons that are asked for although others have installed them."""
    there = add_ons.of_others(found.api, candidate.owner(found.chosen))
    for name in found.chosen.addons:
        if version := there.get(name, ""):
            yield add_ons.refusal(name, version)


def against_security(found: Candidate) -> Iterator[str]:
    """Yield whether Pod Security forbids the daemons in their namespace."""
    item = found.api.get(manifests.NAMESPACE, target.DAEMONS) or {"metadata": {}}
    level = (item["metadata"].get("labels") or {}).get(target.SECURITY, "")
    if level in target.FORBIDDING:
        yield f"Namespace {target.DAEMONS}: {target.SECURITY}={level} forbids the controller's daemons"
    elif refusal := found.api.facts.refusal(daemon_like()):
        yield f"Namespace {target.DAEMONS}: a pod like the controller's daemons is forbidden there: {refusal}"


def daemon_like() -> Object:
    """Return a pod with what the daemons have, to ask for the cluster's own default, which no object says."""
    container = {"name": "asked", "image": "asked", "securityContext": {"privileged": True}}
    volume = {"name": "node", "hostPath": {"path": "/"}}
    return {
        "apiVersion": manifests.POD.api_version,
        "kind": manifests.POD.name,
        "metadata": {"name": f"{target.TOOL}-asked", "namespace": target.DAEMONS},
        "spec": {"hostNetwork": True, "containers": [container], "volumes": [volume]},
    }


def policies(found: Candidate) -> Request | None:
    """Return what would be asked of the SR-IOV network operator; None if it is asked for nothing.

    Args:
        found: The cluster.
    """
    if found.chosen.sriov != sriov.POLICY:
        return None
    return Request(found.api, found.workers, found.chosen, candidate.owner(found.chosen))


def against_policies(found: Candidate) -> Iterator[str]:
    """Yield what stands against asking the SR-IOV network operator for functions."""
    if asked := policies(found):
        yield from sriov_refusals.against(asked)


# By the name of doctor's check, in the order in which they are asked: without the rights, the others cannot be.
LOOKS: Mapping[str, Look] = {
    "target-rights": against_rights,
    "target-uid": against_uid,
    "target-tool": against_tool,
    "target-owner": against_owner,
    "target-version": against_version,
    "target-nodes": against_nodes,
    "target-names": against_names,
    "target-security": against_security,
    "target-addons": against_addons,
    "target-sriov": against_policies,
}

"""What the status of an object means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import CONTENT, Object
from tasks.lack import Lack

if TYPE_CHECKING:
    from collections.abc import Iterable

# What an object lacks that has its content, and is not in effect yet.
NOT_READY = "not ready"
_WORKLOADS = frozenset({manifests.DEPLOYMENT.name, manifests.DAEMON_SET.name})


def has_condition(item: Object, name: str) -> bool:
    """Return whether a condition of an object's status is True."""
    conditions = item.get("status", {}).get("conditions") or []
    return any(one["type"] == name and one["status"] == "True" for one in conditions)


def is_pod_ready(pod: Object) -> bool:
    """Return whether a pod is Ready and not being deleted."""
    return has_condition(pod, "Ready") and "deletionTimestamp" not in pod["metadata"]


def is_settled(item: Object) -> bool:
    """Return whether an object is in effect: a definition is established, a workload is rolled out."""
    if item["kind"] == manifests.CUSTOM_RESOURCE_DEFINITION.name:
        return has_condition(item, "Established")
    return item["kind"] not in _WORKLOADS or is_rolled_out(item)


def is_rolled_out(item: Object) -> bool:
    """Return whether a Deployment or DaemonSet runs its latest template everywhere it should."""
    status = item.get("status", {})
    if not item or status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    wanted, fields = _scale(item)
    return all(status.get(field, 0) == wanted for field in fields)


def available(item: Object) -> int:
    """Return the number of available pods in the status of a Deployment or DaemonSet."""
    return int(item.get("status", {}).get(_scale(item)[1][-1], 0))


def _scale(item: Object) -> tuple[int, tuple[str, ...]]:
    """Return the number of replicas that are wanted, and the fields of the status that count them."""
    if item["kind"] == manifests.DAEMON_SET.name:
        wanted = item.get("status", {}).get("desiredNumberScheduled", 0)
        return wanted, ("updatedNumberScheduled", "numberAvailable")
    # `replicas` also counts those of older templates, none of which may be left.
    return item["spec"].get("replicas", 1), ("replicas", "updatedReplicas", "availableReplicas")


def progress_of_rollout(item: Object) -> str:
    """Describe how far the rollout of a Deployment or DaemonSet is."""
    if not item:
        return "absent"
    return f"{available(item)} of {_scale(item)[0]} available"


def lack(wanted: Object, live: Object | None) -> str:
    """Return what a live object lacks, or an empty string."""
    if live is None:
        return "not there"
    if not is_as_wanted(wanted, live):
        return "differs from what it should be"
    return "" if is_settled(live) else NOT_READY


def lack_of_all(pairs: Iterable[tuple[Object, Object | None]]) -> Lack:
    """Return what live objects lack, by their labels.

    Args:
        pairs: Wanted objects, each with the live one; None if there is none.
    """
    given = list(pairs)
    found = {manifests.label_of(wanted): lack(wanted, live) for wanted, live in given}
    phrases = {label: phrase for label, phrase in found.items() if phrase}
    reasons = tuple(f"{label}: {phrase}" for label, phrase in phrases.items())
    is_running = any(wanted["kind"] in _WORKLOADS for wanted, _ in given)
    return Lack(reasons, is_passing=set(phrases.values()) == {NOT_READY}, is_running=is_running)


def is_as_wanted(wanted: Object, live: Object | None) -> bool:
    """Return whether a live object has the content of the wanted one; who applied it does not matter.

    If the user did, it has no digest of its content, and must have all of it and nothing else.
    """
    if live is None or "deletionTimestamp" in live["metadata"]:
        return False
    if not manifests.is_stamped(live):
        return _is_same(manifests.unstamped(wanted), live)
    same_content = live["metadata"]["annotations"][CONTENT] == wanted["metadata"]["annotations"][CONTENT]
    return same_content and manifests.fits(wanted, live)


def _is_same(wanted: Object, live: Object) -> bool:
    """Return whether a live object has what is wanted, and beyond it only what the server and its controller add."""
    parts = {*wanted, *live} - {"metadata", "status"}
    return all(wanted.get(part) == live.get(part) for part in parts) and manifests.fits(
        wanted["metadata"], live["metadata"]
    )


def allocatable(node: Object, resource: str) -> int:
    """Return how many devices of a kind a node offers to pods; 0 if it offers none, or is not there.

    Args:
        node: The node, or an empty object.
        resource: The extended resource that they are offered as, such as "nvidia.com/gpu".
    """
    return int((node.get("status", {}).get("allocatable") or {}).get(resource, 0))

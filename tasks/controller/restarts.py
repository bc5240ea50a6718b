"""What a deployment restarted: the workloads that have other pods than before, and what the new ones say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tasks.engines.kube import complaints, manifests
from tasks.engines.kube.calls import Refused
from tasks.engines.kube.pod_exec import Container

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.engines.kube.manifests import Kind, Object

    # The pods of each workload that has any, by its label and their UIDs.
    Pods = dict[str, dict[str, Object]]

_NOTHING_SAID = "(no log yet)"


class Reader(Protocol):
    """What is read from the cluster."""

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Object]:
        """Return the objects of a kind."""

    def logs(self, where: Container, *, since: str = "", tail: int = 0) -> str:
        """Return a container's log."""


def pods(cluster: Reader, objects: Iterable[Object]) -> Pods:
    """Return the pods of the workloads among objects; those that are being deleted do not count.

    Args:
        cluster: Where they run.
        objects: Any objects.
    """
    workloads = [each for each in objects if manifests.kind_of(each) in {manifests.DEPLOYMENT, manifests.DAEMON_SET}]
    found = {manifests.label_of(each): _pods_of(cluster, each) for each in workloads}
    return {label: theirs for label, theirs in found.items() if theirs}


def lines(cluster: Reader, before: Pods, now: Pods) -> list[str]:
    """Return which workloads restarted, and the last line of each new pod's log; nothing if there were none before.

    Args:
        cluster: Where they run.
        before: The pods before the deployment.
        now: The pods after it.
    """
    fresh = {label: [theirs[uid] for uid in theirs if uid not in before[label]] for label, theirs in _both(before, now)}
    restarted = {label: theirs for label, theirs in fresh.items() if theirs}
    if not restarted:
        return ["nothing restarted"] if before else []
    named = ", ".join(f"{label} ({_counted(len(theirs))})" for label, theirs in restarted.items())
    said = [f"  {manifests.name_of(pod)} | {_last_line(cluster, pod)}" for each in restarted.values() for pod in each]
    return [f"restarted: {named}", *said]


def _both(before: Pods, now: Pods) -> list[tuple[str, dict[str, Object]]]:
    return [(label, theirs) for label, theirs in now.items() if label in before]


def _pods_of(cluster: Reader, workload: Object) -> dict[str, Object]:
    found = cluster.list(manifests.POD, manifests.namespace_of(workload), manifests.selector_of(workload))
    return {pod["metadata"]["uid"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}


def _counted(number: int) -> str:
    return f"{number} pod{'' if number == 1 else 's'}"


def _last_line(cluster: Reader, pod: Object) -> str:
    try:
        log = cluster.logs(Container.of(pod, pod["spec"]["containers"][0]["name"]), tail=1)
    except Refused:
        return _NOTHING_SAID  # a container that does not run yet has no log
    return complaints.shortened(log.strip()) or _NOTHING_SAID

"""Deploys a pattern's dataflow, verifies that it answers, and deletes it again.

"Deployed" does not mean that pods run, and the client's success does not mean that the last function was reached: only
Ready pods and the receiver's log count.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import deployment, kinds
from tasks.controller.kinds import (
    COMPUTE_RESOURCE,
    CPU_FUNCTION,
    DATA_FLOW,
    DEPLOYED,
    ERROR,
    ETHERNET_CONNECTION,
    FUNCTION_TARGET,
    GPU_FUNCTION,
    READY,
    WB_CONNECTION,
    WB_FUNCTION,
    state,
)
from tasks.dataflows import values, video
from tasks.engines.kube import access, manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.programs import waiting
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.scenarios import files
from tasks.settings import parameters, patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.settings.patterns import Pattern
_DELETE_SECONDS = 60.0
# Those that a DataFlow is made of, in the order in which the controller deletes them.
_PARTS = (WB_CONNECTION, ETHERNET_CONNECTION, WB_FUNCTION, CPU_FUNCTION, GPU_FUNCTION)
_DEVICE_DAEMON = "app=crc-deviceinfo-daemon"


def deploy(name: str) -> None:
    """Have a pattern's DataFlow Deployed with all its pods Ready.

    One that is deployed otherwise, in Error, without some of its pods or with earlier images is deleted first: the
    controller repairs none of these.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: The registry lacks an image of its functions, before anything is deployed; or it does not come up
            within DATAFLOW_DEADLINE, and the details say what it waits for.
    """
    pattern = patterns.BY_NAME[name]
    files.require_images(pattern)
    cluster = access.cluster()
    unusable = _unusable(cluster, pattern)
    if unusable:
        progress.line(f"{pattern.dataflow} {unusable}: deleting it first")
        _remove(cluster, pattern)
    if _bring_up(cluster, pattern) == ERROR:
        progress.line(f"{pattern.dataflow} is in Error, which is final: deploying it once more")
        _remove(cluster, pattern)
        if _bring_up(cluster, pattern) == ERROR:
            raise Problem(f"DataFlow {pattern.dataflow}: Error, twice", details=_explain(cluster, pattern))
    _await_pods(cluster, pattern)
    _check_placement(cluster, pattern)


def verify(name: str) -> None:
    """Send a pattern's inputs, or videos, through its dataflow and check what the receiver logged, or recorded.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: A value is wrong or missing, or a video does not arrive; the message names the function.
    """
    pattern = patterns.BY_NAME[name]
    cluster = access.cluster()
    pods = pods_of(cluster, pattern)
    if pattern.client:
        values.verify(cluster, pattern, pods)
    else:
        video.verify(cluster, pattern, pods)


def delete(name: str) -> None:
    """Delete a pattern's dataflow, in the controller's order.

    Args:
        name: Name of a pattern.
    """
    pattern = patterns.BY_NAME[name]
    cluster = access.cluster()
    if cluster.get(DATA_FLOW, pattern.dataflow, pattern.namespace) is None and not _leftovers(cluster, pattern):
        progress.line(f"{pattern.dataflow} is not deployed")
        return
    _remove(cluster, pattern)
    progress.line(f"{pattern.dataflow} deleted")


def _unusable(cluster: Kube, pattern: Pattern) -> str:
    """Return why a live DataFlow cannot be kept, or nothing."""
    live = cluster.get(DATA_FLOW, pattern.dataflow, pattern.namespace)
    if live is None:
        return "has left parts behind" if _leftovers(cluster, pattern) else ""
    if "deletionTimestamp" in live["metadata"]:
        return "is being deleted"
    if not cluster.is_current([files.data_flow(pattern)]):
        return "is deployed otherwise"
    if state(live) == ERROR:
        return "is in Error"
    if state(live) != DEPLOYED and _age(live) > parameters.current().dataflow_deadline:
        # The controller has given up on parts of it, and does not try them again.
        return f"has not come up in {_age(live):.0f} s"
    return _damage(cluster, pattern) if state(live) == DEPLOYED else ""


def _damage(cluster: Kube, pattern: Pattern) -> str:
    """Return which functions of a Deployed DataFlow lost their pod or run an image of before, or nothing."""
    pods = pods_of(cluster, pattern)
    alive = {key for key, pod in pods.items() if "deletionTimestamp" not in pod["metadata"]}
    missing = [hop.key for hop in pattern.hops if hop.key not in alive]
    if missing:
        return f"has lost the pods of {', '.join(missing)}"
    wanted = archive_images.references(pattern.images, parameters.current())
    current = {wanted[name] for name in pattern.images}
    outdated = [key for key, pod in pods.items() if {each["image"] for each in pod["spec"]["containers"]} - current]
    return f"runs earlier images in {', '.join(outdated)}" if outdated else ""


def _age(live: Object) -> float:
    """Return the seconds since an object was created."""
    created = datetime.strptime(live["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%S%z")
    return (datetime.now(timezone.utc) - created).total_seconds()


def _bring_up(cluster: Kube, pattern: Pattern) -> str:
    """Apply the DataFlow and wait; return its final state, Deployed or Error."""
    cluster.apply([files.data_flow(pattern)])
    return waiting.until(
        f"DataFlow {pattern.dataflow}: Deployed",
        lambda: state(cluster.get(DATA_FLOW, pattern.dataflow, pattern.namespace)),
        lambda seen: seen in {DEPLOYED, ERROR},
        deadline=parameters.current().dataflow_deadline,
        describe=str,
        explain=lambda: _explain(cluster, pattern),
    )


def _await_pods(cluster: Kube, pattern: Pattern) -> None:
    def not_ready() -> list[str]:
        pods = pods_of(cluster, pattern)
        return [hop.key for hop in pattern.hops if hop.key not in pods or not kube_state.is_pod_ready(pods[hop.key])]

    waiting.until(
        f"pods of {pattern.dataflow}: Ready",
        not_ready,
        lambda missing: not missing,
        deadline=parameters.current().dataflow_deadline,
        describe=lambda missing: f"not yet: {', '.join(missing)}",
        explain=lambda: _explain(cluster, pattern),
    )


def _check_placement(cluster: Kube, pattern: Pattern) -> None:
    pods = pods_of(cluster, pattern)
    for key, node in files.requested_nodes(pattern).items():
        actual = pods[key]["spec"].get("nodeName")
        if actual != node:
            raise Problem(f"{pattern.dataflow}: {key} runs on {actual}, but {node} was asked for")


def pods_of(cluster: Kube, pattern: Pattern) -> dict[str, Object]:
    """Return the live pods of a pattern's functions, by key."""
    live = {manifests.name_of(pod): pod for pod in cluster.list(manifests.POD, pattern.namespace)}
    # The pod of a function on a GPU is named after the GPU too.
    names = {
        hop.key: re.compile(rf"{kinds.function_name(pattern, hop.key)}-(cpu|mps-dgpu-.+)-pod") for hop in pattern.hops
    }
    return {key: pod for key, wanted in names.items() for name, pod in live.items() if wanted.fullmatch(name)}


def _remove(cluster: Kube, pattern: Pattern) -> None:
    """Delete the DataFlow and wait until nothing of it is left; after a deadline, take the controller's part."""
    cluster.delete(DATA_FLOW, pattern.dataflow, pattern.namespace)
    try:
        _await_removal(cluster, pattern)
    except Problem as stuck:
        progress.line(f"{stuck.message}: removing what holds it")
        _rescue(cluster, pattern)
        _await_removal(cluster, pattern)


def _await_removal(cluster: Kube, pattern: Pattern) -> None:
    waiting.until(
        f"DataFlow {pattern.dataflow}: deleted with all its parts",
        lambda: list(_leftovers(cluster, pattern)),
        lambda left: not left,
        deadline=_DELETE_SECONDS,
        describe=lambda left: f"{len(left)} left, such as {left[0]}",
        explain=lambda: _explain(cluster, pattern),
    )


def _leftovers(cluster: Kube, pattern: Pattern) -> list[str]:
    """Return what is left of a DataFlow, itself included."""
    flow = cluster.get(DATA_FLOW, pattern.dataflow, pattern.namespace)
    left = [manifests.label_of(item) for item in _parts(cluster, pattern)]
    pods = [f"Pod {manifests.name_of(pod)}" for pod in pods_of(cluster, pattern).values()]
    return [*left, *pods, *([f"DataFlow {pattern.dataflow}"] if flow else [])]


def _parts(cluster: Kube, pattern: Pattern) -> Iterator[Object]:
    """Yield the objects that the controller made for a DataFlow."""
    for kind in _PARTS:
        for item in cluster.list(kind, pattern.namespace):
            if manifests.name_of(item).startswith(
                (f"{pattern.dataflow}-wbfunction-", f"{pattern.dataflow}-wbconnection-")
            ):
                yield item


def _rescue(cluster: Kube, pattern: Pattern) -> None:
    """Strip finalizers that nobody will, and have the capacity counted afresh, which such a deletion leaks."""
    for item in _parts(cluster, pattern):
        kind, name = manifests.kind_of(item), manifests.name_of(item)
        # Those of its own that the controller still removes may go at any moment.
        cluster.release(kind, name, pattern.namespace)
        cluster.delete(kind, name, pattern.namespace)
    for pod in pods_of(cluster, pattern).values():
        cluster.delete(manifests.POD, manifests.name_of(pod), pattern.namespace)
    cluster.release(DATA_FLOW, pattern.dataflow, pattern.namespace)
    # The controller publishes the capacity anew, which `post_setup` waits for: it may not even run here.
    for node in deployment.workers():
        cluster.delete(COMPUTE_RESOURCE, f"compute-{node}", "default")
    for pod in cluster.list(manifests.POD, "default", _DEVICE_DAEMON):
        cluster.delete(manifests.POD, manifests.name_of(pod), "default")
    cluster.wait_rollout(
        manifests.DAEMON_SET, "crc-deviceinfo-daemon", "default", deadline=parameters.current().controller_deadline
    )


def _explain(cluster: Kube, pattern: Pattern) -> str:
    """Return what a DataFlow may be waiting for: whatever it needs that is not as it should be."""
    return "\n".join([*_not_ready(cluster, pattern), *_capacity(cluster), cluster.evidence(pattern.namespace)]).strip()


def _not_ready(cluster: Kube, pattern: Pattern) -> Iterator[str]:
    for kind, items in files.resources(pattern).items():
        for name, found in kinds.not_ready(cluster, kind, items).items():
            yield f"{kind} {name}: {found}, expected {READY}"
    for kind in (WB_FUNCTION, WB_CONNECTION):
        for item in cluster.list(kind, pattern.namespace):
            if state(item) != DEPLOYED:
                yield f"{manifests.label_of(item)}: {state(item)}, expected {DEPLOYED}"
    for item in files.configuration(pattern):
        if cluster.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)) is None:
            yield f"{manifests.label_of(item)}: absent"


def _capacity(cluster: Kube) -> Iterator[str]:
    for item in cluster.list(FUNCTION_TARGET):
        status = item.get("status", {})
        functions = f"{status.get('currentFunctions', 0)} of {status.get('maxFunctions', '?')} functions"
        capacity = f"{status.get('currentCapacity', 0)} of {status.get('maxCapacity', '?')} capacity"
        yield f"FunctionTarget {manifests.name_of(item)}: {state(item)}, {functions}, {capacity} in use"

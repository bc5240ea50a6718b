"""Deploys a pattern's dataflow, and deletes it again.

"Deployed" does not mean that pods run: only Ready pods count. `values` and `video` check whether the dataflow answers.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import capacity
from tasks.controller.kinds import DATA_FLOW, DEPLOYED, ERROR, state
from tasks.dataflows import flow as flows
from tasks.dataflows import gpu_target, origin, pulling, room
from tasks.dataflows.pulling import Pulls
from tasks.engines.kube import access, manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.programs import waiting
from tasks.patterns import known
from tasks.problems import Problem
from tasks.registry import client
from tasks.settings import parameters
from tasks.target import choice

if TYPE_CHECKING:
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

_DELETE_SECONDS = 60.0


def deploy(name: str) -> None:
    """Deploy a pattern's DataFlow, and wait until all its pods are Ready.

    A DataFlow that differs from the pattern, was deployed from other files, is in Error, lacks a pod or runs earlier
    images is deleted first: the controller repairs none of these. While nodes pull images, DATAFLOW_DEADLINE stands
    still, for PULL_DEADLINE at most.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: There is no cluster yet; the registry lacks an image of its functions, or the workers the capacity,
            which are checked before anything is deployed; or it does not come up within DATAFLOW_DEADLINE: the details
            say what it waits for.
    """
    chosen = parameters.current()
    flow = flows.of(name, chosen)
    for line in choice.of(chosen).notices(flow.pattern):
        progress.line(f"{name}: {line}")
    registry = client.of(chosen)
    flow.scenario.require_images(registry)
    room.require(flow.pattern, flow.scenario.data_flow(), flow.cluster)
    gpu_target.wait(flow)
    pulls = Pulls(flow, registry.size)
    make_way(flow)
    if _bring_up(flow, pulls) == ERROR:
        progress.line(f"{flow.name} is in Error, which is final: deploying it once more")
        take_away(flow)
        if _bring_up(flow, pulls) == ERROR:
            raise Problem(f"DataFlow {flow.name}: Error, twice", details=flow.explanation())
    _await_pods(flow, pulls)
    _check_placement(flow)
    origin.give_to_user(flow)


def watched() -> list[str]:
    """Return the tasks of the dataflows that are deployed; none without a cluster.

    Raises:
        Problem: A parameter is wrong.
    """
    chosen = parameters.current()
    if not access.answers(chosen.cluster_name):
        return []
    try:
        live = access.cluster(chosen.cluster_name).list(DATA_FLOW)
    except Problem:
        return []  # the controller's definitions are not there yet
    there = [known.of_data_flow(item) for item in live]
    return [f"dataflow:{pattern.name}" for pattern in known.patterns() if pattern in there]


def make_way(flow: Flow) -> bool:
    """Delete a DataFlow that cannot be kept as that of its pattern; return whether one is there that can.

    Args:
        flow: The dataflow of a pattern.

    Raises:
        Problem: Parts of the dataflow remain.
    """
    unusable = _fault(flow)
    if unusable:
        progress.line(f"{flow.name} {unusable}: deleting it first")
        take_away(flow)
    return not unusable and flow.live() is not None


def delete(name: str) -> None:
    """Delete a pattern's dataflow, in the controller's order.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: There is no cluster yet, or parts of the dataflow remain.
    """
    flow = flows.of(name, parameters.current())
    if not flow.leftovers():
        progress.line(f"{flow.name} is not deployed")
        return
    take_away(flow)
    progress.line(f"{flow.name} deleted")


def _fault(flow: Flow) -> str:
    """Return why a live DataFlow cannot be kept, or an empty string."""
    live = flow.live()
    if live is None:
        return "has left parts behind" if flow.leftovers() else ""
    if "deletionTimestamp" in live["metadata"]:
        return "is being deleted"
    if flow.cluster.lack([flow.scenario.data_flow()]):
        return "is deployed otherwise"
    return "was deployed from other files" if origin.is_of_other_files(flow, live) else _failure(flow, live)


def _failure(flow: Flow, live: Object) -> str:
    """Return why a live DataFlow that is as it should be has failed, or an empty string."""
    if state(live) == ERROR:
        return "is in Error"
    if state(live) != DEPLOYED and _age(live) > flow.deadlines.dataflow and not Pulls(flow).now():
        # The controller has given up on parts of it, and does not try them again.
        return f"has not come up in {_age(live):.0f} s"
    return _damage(flow) if state(live) == DEPLOYED else ""


def _age(live: Object) -> float:
    """Return the seconds since an object was created."""
    created = datetime.strptime(live["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%S%z")
    return (datetime.now(timezone.utc) - created).total_seconds()


def _damage(flow: Flow) -> str:
    """Return which functions of a Deployed DataFlow lost their pods or run earlier images, if any."""
    pods = flow.pods()
    alive = {key for key, pod in pods.items() if "deletionTimestamp" not in pod["metadata"]}
    missing = [hop.key for hop in flow.pattern.hops if hop.key not in alive]
    if missing:
        return f"has lost the pods of {', '.join(missing)}"
    wanted = flow.scenario.references(flow.pattern.images)
    current = {wanted[name] for name in flow.pattern.images}
    outdated = [key for key, pod in pods.items() if {each["image"] for each in pod["spec"]["containers"]} - current]
    return f"runs earlier images in {', '.join(outdated)}" if outdated else ""


def take_away(flow: Flow) -> None:
    """Delete a DataFlow and wait until nothing of it is left; after a deadline, act for the controller.

    Args:
        flow: The dataflow of a pattern.

    Raises:
        Problem: Parts of the dataflow remain.
    """
    flow.cluster.delete(DATA_FLOW, flow.name, flow.namespace)
    try:
        _await_removal(flow)
    except Problem as stuck:
        progress.line(f"{stuck.message}: removing what holds it")
        _rescue(flow)
        _await_removal(flow)


def _await_removal(flow: Flow) -> None:
    waiting.Condition(
        f"DataFlow {flow.name}: deleted with all its parts",
        flow.leftovers,
        lambda left: not left,
        describe=lambda left: f"{len(left)} left, such as {left[0]}",
    ).wait(_DELETE_SECONDS, explain=flow.explanation)


def _rescue(flow: Flow) -> None:
    """Remove the finalizers that no controller will remove, and have the capacity counted again.

    This kind of deletion leaks capacity.
    """
    cluster = flow.cluster
    for item in flow.parts():
        kind, name = manifests.kind_of(item), manifests.name_of(item)
        # The controller may still remove parts by itself, at any moment.
        cluster.release(kind, name, flow.namespace)
        cluster.delete(kind, name, flow.namespace)
    for pod in flow.pods().values():
        cluster.delete(manifests.POD, manifests.name_of(pod), flow.namespace)
    cluster.release(DATA_FLOW, flow.name, flow.namespace)
    # The controller publishes the capacity again. Only `post_setup` waits for that: the controller may not run now.
    capacity.recount(cluster, flow.workers, flow.deadlines.controller)


def _bring_up(flow: Flow, pulls: Pulls) -> str:
    """Apply the DataFlow and wait; return its final state, Deployed or Error."""
    is_new = flow.live() is None
    flow.cluster.apply([flow.scenario.data_flow()])
    if is_new:
        origin.note_files(flow)
    seen, _ = waiting.Condition(
        f"DataFlow {flow.name}: Deployed",
        lambda: (state(flow.live()), pulls.now()),
        lambda seen: seen[0] in {DEPLOYED, ERROR},
        describe=lambda seen: "; ".join((seen[0], *seen[1])),
        stands_still=lambda seen: bool(seen[1]),
        standstill=flow.deadlines.pull,
    ).wait(flow.deadlines.dataflow, explain=flow.explanation)
    return seen


def _await_pods(flow: Flow, pulls: Pulls) -> None:
    def not_ready() -> list[str]:
        pods = flow.pods()
        keys = [hop.key for hop in flow.pattern.hops if not _is_ready(pods.get(hop.key))]
        return [f"{key}{pulling.reasons(pods.get(key, {}))}" for key in keys]

    waiting.Condition(
        f"pods of {flow.name}: Ready",
        lambda: (not_ready(), pulls.now()),
        lambda seen: not seen[0],
        describe=lambda seen: "; ".join((f"not yet: {', '.join(seen[0])}", *seen[1])),
        stands_still=lambda seen: bool(seen[1]),
        standstill=flow.deadlines.pull,
    ).wait(flow.deadlines.dataflow, explain=flow.explanation)


def _is_ready(pod: Object | None) -> bool:
    return pod is not None and kube_state.is_pod_ready(pod)


def _check_placement(flow: Flow) -> None:
    pods = flow.pods()
    for key, node in flow.scenario.requested_nodes().items():
        actual = pods[key]["spec"].get("nodeName")
        if actual != node:
            raise Problem(f"{flow.name}: {key} runs on {actual}, but {node} was asked for")

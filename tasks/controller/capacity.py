"""What each worker offers, as the controller counts it: its ComputeResource, and a FunctionTarget for each region.

DeviceInfo makes a ComputeResource of the inventory when it starts, but only where there is none. So one of another
inventory (a GPU was lent since, given back, or is another one) is deleted first, unless a dataflow uses the worker.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.controller import inventory
from tasks.controller.kinds import COMPUTE_RESOURCE, FUNCTION_TARGET, READY, WB_FUNCTION, state
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import parameters
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack

NAMESPACE = "default"
DAEMON = "crc-deviceinfo-daemon"
LOGS = f"./doit kubectl logs daemonset/{DAEMON}"
_GONE_SECONDS = 30.0
_ABSENT = "not there"


@dataclass(frozen=True)
class Region:
    """A part of a device that takes functions.

    Attributes:
        device: Identifier of the device.
        place: Type and index of the device, and the region's name, as in the name of a FunctionTarget.
    """

    device: str
    place: str


def resource_of(node: str) -> str:
    """Return the name of a worker's ComputeResource."""
    return f"compute-{node}"


def lack(cluster: Kube, workers: Iterable[str]) -> Lack:
    """Return how the ComputeResources differ from the inventory.

    Args:
        cluster: The API.
        workers: Names of the workers.
    """
    found = outdated(cluster, workers)
    return lacks.of(*(f"{COMPUTE_RESOURCE} {resource_of(node)}: {seen}" for node, seen in found.items()))


def outdated(cluster: Kube, workers: Iterable[str]) -> dict[str, str]:
    """Return how the ComputeResource of a worker differs from the inventory, in one phrase, by the worker's name."""
    offered = _offered(cluster)
    live = {node: cluster.get(COMPUTE_RESOURCE, resource_of(node), NAMESPACE) for node in workers if node in offered}
    phrases = {node: _difference(offered[node], found) for node, found in live.items()}
    return {node: phrase for node, phrase in phrases.items() if phrase}


def _difference(offered: set[Region], live: Object | None) -> str:
    if live is None:
        return _ABSENT
    counted = _counted(live)
    lacking = [f"lacks {region.place} ({region.device})" for region in offered - counted]
    return ", ".join(sorted([*lacking, *(f"still has {one.place} ({one.device})" for one in counted - offered)]))


def _offered(cluster: Kube) -> dict[str, set[Region]]:
    """Return the regions that the inventory names, by worker; those of FPGAs come and go without it."""
    maps = (cluster.get(manifests.CONFIG_MAP, name, NAMESPACE) for name in (inventory.PRESENT, inventory.OFFERED))
    present, offered = (_devices(found or {}) for found in maps)
    regions = {device["deviceUUID"]: device.get("functionTargets") or [] for device in offered if _is_counted(device)}
    found: dict[str, set[Region]] = {}
    for device in filter(_is_counted, present):
        of_node = found.setdefault(device["nodeName"], set())
        of_node.update(_region(device, region["regionName"]) for region in regions.get(device["deviceUUID"], []))
    return {node: wanted for node, wanted in found.items() if wanted}


def _counted(live: Object) -> set[Region]:
    regions = live.get("status", {}).get("regions") or []
    return {_region(region, region["name"]) for region in regions if _is_counted(region)}


def _region(device: dict[str, Any], name: str) -> Region:
    return Region(device["deviceUUID"], f"{device['deviceType']}-{device['deviceIndex']}.{name}")


def _is_counted(device: dict[str, Any]) -> bool:
    return bool(device.get("deviceUUID")) and not device.get("deviceFilePath")


def _devices(found: Object) -> list[dict[str, Any]]:
    return [device for text in found.get("data", {}).values() for device in json.loads(text).get("devices") or []]


def users(cluster: Kube, node: str) -> list[tuple[str, str]]:
    """Return namespace and name of each DataFlow that uses a worker.

    Args:
        cluster: The API.
        node: Name of the worker.
    """
    specs = [item["spec"] for item in cluster.list(WB_FUNCTION)]
    references = [spec["dataFlowRef"] for spec in specs if spec["nodeName"] == node]
    return sorted({(reference["namespace"], reference["name"]) for reference in references})


def recount(cluster: Kube, nodes: Iterable[str], deadline: float) -> None:
    """Have the controller make the ComputeResources of workers anew; nobody waits for them here.

    Args:
        cluster: The API.
        nodes: Names of workers that no dataflow uses.
        deadline: Seconds until DeviceInfo has to run again.
    """
    _clear(cluster, nodes)
    _restart(cluster, deadline)


@contextmanager
def following(cluster: Kube, workers: tuple[str, ...], deadline: float) -> Iterator[None]:
    """Deploy DeviceInfo in the body, and have it count what the inventory names by now.

    A worker that a dataflow uses is left as it is, and that is said.

    Args:
        cluster: The API.
        workers: Names of the workers.
        deadline: Seconds until the ComputeResources have to be there.

    Raises:
        Problem: They are not.
    """
    before = _generation(cluster)
    found = outdated(cluster, workers)
    in_use = {node: used for node in found if (used := users(cluster, node))}
    for node in in_use:
        busy = _busy(cluster, node, found[node])
        progress.line(f"{busy.message}: {busy.hint}")
    free = [node for node in workers if node not in in_use]
    _clear(cluster, [node for node in free if node in found])
    yield
    if before and _generation(cluster) == before and outdated(cluster, free):
        _restart(cluster, deadline)
    waiting.Condition(
        "ComputeResources of all workers: as the inventory says",
        lambda: outdated(cluster, free),
        lambda left: not left,
        describe=lambda left: ", ".join(f"{resource_of(node)} {phrase}" for node, phrase in left.items()),
    ).wait(deadline, explain=lambda: cluster.evidence(NAMESPACE), hint=LOGS)


def require_counted(cluster: Kube, workers: Iterable[str]) -> None:
    """Stop if a ComputeResource is not as the inventory says: the controller makes it once, and never extends it.

    Args:
        cluster: The API.
        workers: Names of the workers.

    Raises:
        Problem: One line names the worker, the difference and the cure.
    """
    for node, phrase in outdated(cluster, workers).items():
        if phrase != _ABSENT:
            raise _busy(cluster, node, phrase)


def _busy(cluster: Kube, node: str, phrase: str) -> Problem:
    """Return why the ComputeResource of a worker stays as it is, and which DataFlows to delete."""
    used = users(cluster, node)
    names = " and ".join(f"DataFlow {namespace}/{name}" for namespace, name in used)
    commands = " ".join(f"./doit {_deletion(namespace, name)};" for namespace, name in used)
    why = f"stays so while {names} uses {node}" if used else "./doit create_cluster has it counted again"
    return Problem(
        f"{COMPUTE_RESOURCE} {resource_of(node)}: {phrase}; {why}", hint=f"{commands} then the same command".strip()
    )


def _deletion(namespace: str, name: str) -> str:
    """Return the words after ./doit that delete a DataFlow, which may be the user's own."""
    for pattern in known.patterns():
        if (pattern.namespace, pattern.dataflow) == (namespace, name):
            return f"delete_dataflow:{pattern.name}"
    return f"kubectl delete dataflow -n {namespace} {name}"


def _clear(cluster: Kube, nodes: Iterable[str]) -> None:
    """Delete the ComputeResources of workers with their FunctionTargets.

    The garbage collector would delete a FunctionTarget later, perhaps when the controller has taken it over for the
    next ComputeResource, and the controller would not make it again.
    """
    gone = tuple(nodes)
    if not gone:
        return
    for node in gone:
        cluster.delete(COMPUTE_RESOURCE, resource_of(node), NAMESPACE)
    targets = [item for item in cluster.list(FUNCTION_TARGET) if manifests.name_of(item).partition(".")[0] in gone]
    for item in targets:
        cluster.delete(FUNCTION_TARGET, manifests.name_of(item), manifests.namespace_of(item))
    for node in gone:
        cluster.wait_gone(COMPUTE_RESOURCE, resource_of(node), NAMESPACE, deadline=_GONE_SECONDS)


def _restart(cluster: Kube, deadline: float) -> None:
    for pod in cluster.list(manifests.POD, NAMESPACE, f"app={DAEMON}"):
        cluster.delete(manifests.POD, manifests.name_of(pod), NAMESPACE)
    cluster.wait_rollout(manifests.DAEMON_SET, DAEMON, NAMESPACE, deadline=deadline)


def _generation(cluster: Kube) -> int:
    """Return the number of the DaemonSet's specification, 0 if there is none: another one restarts its pods."""
    found = cluster.get(manifests.DAEMON_SET, DAEMON, NAMESPACE)
    return int(found["metadata"]["generation"]) if found else 0


def missing_targets(cluster: Kube, workers: Iterable[str]) -> dict[str, str]:
    """Return the state of each FunctionTarget that is not Ready, of all that the ComputeResources have to bring.

    Args:
        cluster: The API.
        workers: Names of the workers.
    """
    seen = {manifests.name_of(item): state(item) for item in cluster.list(FUNCTION_TARGET)}
    wanted = [name for node in workers for name in _targets(cluster, node)]
    return {name: seen.get(name, "absent") for name in wanted if seen.get(name) != READY}


def _targets(cluster: Kube, node: str) -> list[str]:
    live = cluster.get(COMPUTE_RESOURCE, resource_of(node), NAMESPACE) or {}
    places = {"cpu-0.cpu", *(region.place for region in _counted(live))}
    return [f"{node}.{place}" for place in sorted(places)]


def await_targets(cluster: Kube, workers: Iterable[str], deadline: float) -> None:
    """Wait until every worker offers what it has.

    Args:
        cluster: The API.
        workers: Names of the workers.
        deadline: Seconds to wait.

    Raises:
        Problem: The controller did not publish the FunctionTargets in time.
    """
    waiting.Condition(
        "FunctionTargets of all workers: Ready",
        lambda: missing_targets(cluster, workers),
        lambda missing: not missing,
        describe=lambda missing: ", ".join(f"{name} {seen}" for name, seen in missing.items()),
    ).wait(deadline, explain=lambda: cluster.evidence(NAMESPACE), hint=LOGS)


def lack_of_offer() -> Lack:
    """Return what keeps the scheduler from seeing all that the workers have."""
    there = choice.of(parameters.current())
    missing = missing_targets(there.api, there.workers)
    return lack(there.api, there.workers) + lacks.of(
        *(f"{FUNCTION_TARGET} {name}: {seen}" for name, seen in missing.items())
    )


def require_offer() -> None:
    """Wait until the scheduler sees all that the workers have.

    Raises:
        Problem: A worker offers something else while a dataflow uses it, which is named; or CONTROLLER_DEADLINE passed.
    """
    chosen = parameters.current()
    there = choice.of(chosen)
    require_counted(there.api, there.workers)
    await_targets(there.api, there.workers, chosen.controller_deadline)

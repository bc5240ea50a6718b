"""The FunctionTargets that a pattern needs beside those of CPUs: the scheduler waits for them without end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tasks.controller import gpu_types, inventory
from tasks.controller.kinds import COMPUTE_RESOURCE, FUNCTION_TARGET, READY, state
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_CPU = "cpu"
_DAEMON = "daemonset/crc-deviceinfo-daemon"


def wait(flow: Flow) -> None:
    """Wait until a worker offers each type of device that the functions of a dataflow need, beside CPUs.

    Args:
        flow: The dataflow.

    Raises:
        Problem: None does within CONTROLLER_DEADLINE, or none ever will; one line says why.
    """
    wanted = choices(flow.scenario.configuration())
    if not wanted:
        return
    waiting.Condition(
        f"a FunctionTarget of type {', '.join(sorted(map(_shown, wanted)))}: Ready",
        lambda: _missing(flow.cluster, wanted),
        lambda missing: not missing,
        describe=lambda missing: ", ".join(f"{kind} {seen}" for kind, seen in missing.items()),
    ).wait(flow.deadlines.controller, hint=f"./doit kubectl logs {_DAEMON}")


def choices(configuration: Iterable[Object]) -> frozenset[frozenset[str]]:
    """Return the types of regions of which functions need one each: those of the functions that no CPU runs.

    Args:
        configuration: The ConfigMaps of a pattern, among them those that say where each function can run.
    """
    found = (gpu_types.regions(item) for item in configuration)
    return frozenset(choice for choice in found if choice and _CPU not in choice)


def _shown(choice: Iterable[str]) -> str:
    return " or ".join(sorted(choice))


def _missing(cluster: Kube, wanted: Iterable[frozenset[str]]) -> dict[str, str]:
    """Return the state of each choice of types of which no worker offers one.

    Raises:
        Problem: None will ever be offered.
    """
    targets = cluster.list(FUNCTION_TARGET)
    found = {one: [each for each in targets if each.get("status", {}).get("regionType") in one] for one in wanted}
    missing = {choice: seen for choice, seen in found.items() if READY not in map(state, seen)}
    for choice, seen in missing.items():
        if not seen:
            for kind in choice:
                _refuse_outdated(cluster, kind)
    return {_shown(choice): _seen(seen) for choice, seen in missing.items()}


def _seen(targets: Iterable[Object]) -> str:
    return ", ".join(f"{manifests.name_of(one)} {state(one)}" for one in targets) or "absent"


def _refuse_outdated(cluster: Kube, kind: str) -> None:
    """Stop if a worker's books were opened before its GPU was in the inventory: the controller never extends them."""
    for node in _offering(cluster, kind):
        books = f"compute-{node}"
        open_books = cluster.get(COMPUTE_RESOURCE, books, inventory.NAMESPACE)
        if open_books and kind not in _regions(open_books):
            raise Problem(
                f"FunctionTarget of type {kind} on {node}: never comes: "
                f"ComputeResource {books} was made before the GPU was in the inventory",
                hint=(
                    f"once no dataflow is deployed: ./doit kubectl delete -n {inventory.NAMESPACE} "
                    f"computeresource {books}; ./doit kubectl rollout restart -n {inventory.NAMESPACE} {_DAEMON}"
                ),
            )


def _offering(cluster: Kube, kind: str) -> Iterator[str]:
    """Yield the workers that offer a type of region, by the inventory."""
    found = cluster.get(manifests.CONFIG_MAP, inventory.OFFERED, inventory.NAMESPACE) or {}
    for text in found.get("data", {}).values():
        for device in json.loads(text).get("devices", []):
            if kind in {target.get("regionType") for target in device.get("functionTargets") or []}:
                yield str(device["nodeName"])


def _regions(books: Mapping[str, object]) -> set[str]:
    """Return the types of regions in the books of a worker."""
    parts = (books.get(part) for part in ("spec", "status"))
    return {str(one.get("type")) for part in parts if isinstance(part, dict) for one in part.get("regions") or []}

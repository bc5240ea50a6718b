"""The FunctionTargets that a pattern needs beside those of CPUs: the scheduler waits for them without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.controller import capacity, gpu_types
from tasks.controller.kinds import FUNCTION_TARGET, READY, state
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

_CPU = "cpu"


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
        lambda: _missing(flow, wanted),
        lambda missing: not missing,
        describe=lambda missing: ", ".join(f"{kind} {seen}" for kind, seen in missing.items()),
    ).wait(flow.deadlines.controller, hint=capacity.LOGS)


def choices(configuration: Iterable[Object]) -> frozenset[frozenset[str]]:
    """Return the types of regions of which functions need one each: those of the functions that no CPU runs.

    Args:
        configuration: The ConfigMaps of a pattern, among them those that say where each function can run.
    """
    found = (gpu_types.regions(item) for item in configuration)
    return frozenset(choice for choice in found if choice and _CPU not in choice)


def _shown(choice: Iterable[str]) -> str:
    return " or ".join(sorted(choice))


def _missing(flow: Flow, wanted: Iterable[frozenset[str]]) -> dict[str, str]:
    """Return the state of each choice of types of which no worker offers one.

    Raises:
        Problem: A worker has a device that the controller never counts by itself.
    """
    targets = flow.cluster.list(FUNCTION_TARGET)
    found = {one: [each for each in targets if each.get("status", {}).get("regionType") in one] for one in wanted}
    missing = {choice: seen for choice, seen in found.items() if READY not in map(state, seen)}
    if not all(missing.values()):
        capacity.require_counted(flow.cluster, flow.workers)
    return {_shown(choice): _seen(seen) for choice, seen in missing.items()}


def _seen(targets: Iterable[Object]) -> str:
    return ", ".join(f"{manifests.name_of(one)} {state(one)}" for one in targets) or "absent"

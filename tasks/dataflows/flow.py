"""A pattern's dataflow in the cluster: which of its parts are there, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.controller import kinds
from tasks.controller.kinds import (
    CPU_FUNCTION,
    DATA_FLOW,
    DEPLOYED,
    ETHERNET_CONNECTION,
    FUNCTION_TARGET,
    GPU_FUNCTION,
    READY,
    WB_CONNECTION,
    WB_FUNCTION,
    state,
)
from tasks.dataflows import containers, stand_ins
from tasks.engines.kube import access, manifests
from tasks.patterns import known
from tasks.scenarios import files
from tasks.target import choice as targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.scenarios.files import Scenario
    from tasks.settings.parameters.model import Parameters

# The kinds that a DataFlow is made of, in the order in which the controller deletes them.
_PARTS = (WB_CONNECTION, ETHERNET_CONNECTION, WB_FUNCTION, CPU_FUNCTION, GPU_FUNCTION)


def of(name: str, chosen: Parameters) -> Flow:
    """Return the dataflow of a pattern in the cluster.

    Args:
        name: Name of a pattern.
        chosen: The parameters.

    Raises:
        Problem: There is no cluster yet.
    """
    cluster, pattern = access.cluster(chosen.cluster_name), known.named(name)
    scenario, title = files.of(cluster, pattern, chosen), targets.of(chosen).title
    return Flow(cluster, pattern, scenario, Deadlines.of(chosen), stand_ins.stand_ins(pattern, chosen), title)


@dataclass(frozen=True)
class Deadlines:
    """How long to wait for the cluster.

    Attributes:
        dataflow: DATAFLOW_DEADLINE, in seconds.
        controller: CONTROLLER_DEADLINE, in seconds.
        pipeline: PIPELINE_DEADLINE, in seconds.
        pull: PULL_DEADLINE, in seconds.
    """

    dataflow: float
    controller: float
    pipeline: float = 60.0
    pull: float = 0.0

    @classmethod
    def of(cls, chosen: Parameters) -> Deadlines:
        """Return the deadlines that the parameters name."""
        return cls(chosen.dataflow_deadline, chosen.controller_deadline, chosen.pipeline_deadline, chosen.pull_deadline)


@dataclass(frozen=True)
class Flow:
    """The dataflow of a pattern.

    Attributes:
        cluster: The API.
        pattern: What it is made of.
        scenario: What it refers to.
        deadlines: How long to wait for the cluster.
        stood_in: What is stood in for, one phrase each.
        place: How messages call the cluster.
    """

    cluster: Kube
    pattern: Pattern
    scenario: Scenario
    deadlines: Deadlines
    stood_in: tuple[str, ...] = ()
    place: str = ""

    @property
    def name(self) -> str:
        """Name of its DataFlow."""
        return self.pattern.dataflow

    @property
    def namespace(self) -> str:
        """Namespace of all its objects."""
        return self.pattern.namespace

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the nodes that run functions."""
        return tuple(self.scenario.workers())

    @property
    def redeployment(self) -> str:
        """Command that deletes it and deploys it again."""
        return f"./doit delete_dataflow:{self.pattern.name} dataflow:{self.pattern.name}"

    def sending(self, inputs: tuple[str, ...]) -> Flow:
        """Return the dataflow with other inputs to send; without any, or where numbers are expected, unchanged."""
        return replace(self, pattern=self.pattern.sending(inputs))

    def live(self) -> Object | None:
        """Return its DataFlow, or None if there is none."""
        return self.cluster.get(DATA_FLOW, self.name, self.namespace)

    def leftovers(self) -> list[str]:
        """Return its parts that are in the cluster, including the DataFlow."""
        live = self.live()
        parts = [manifests.label_of(item) for item in self.parts()]
        pods = [f"Pod {manifests.name_of(pod)}" for pod in self.pods().values()]
        return [*parts, *pods, *([f"DataFlow {self.name}"] if live else [])]

    def parts(self) -> Iterator[Object]:
        """Yield the objects that the controller made for its DataFlow."""
        prefixes = (kinds.function_name(self.name), kinds.connection_prefix(self.name))
        for kind in _PARTS:
            for item in self.cluster.list(kind, self.namespace):
                if manifests.name_of(item).startswith(prefixes):
                    yield item

    def pods(self) -> dict[str, Object]:
        """Return the live pods of its functions, by key."""
        live = {manifests.name_of(pod): pod for pod in self.cluster.list(manifests.POD, self.namespace)}
        functions = {hop.key: kinds.function_name(self.name, hop.key) for hop in self.pattern.hops}
        return {
            key: pod
            for key, function in functions.items()
            for name, pod in live.items()
            if containers.is_pod_of(name, function)
        }

    def explanation(self) -> str:
        """Return what it may be waiting for: everything it needs that is not as it should be."""
        lines = [*self._not_ready(), *self._not_deployed(), *self._absent(), *self._capacity()]
        return "\n".join([*lines, self.cluster.evidence(self.namespace)]).strip()

    def _not_ready(self) -> Iterator[str]:
        for kind, items in self.scenario.resources().items():
            for name, found in kinds.not_ready(self.cluster, kind, items).items():
                yield f"{kind} {name}: {found}, expected {READY}"

    def _not_deployed(self) -> Iterator[str]:
        for kind in (WB_FUNCTION, WB_CONNECTION):
            for item in self.cluster.list(kind, self.namespace):
                if state(item) != DEPLOYED:
                    yield f"{manifests.label_of(item)}: {state(item)}, expected {DEPLOYED}"

    def _absent(self) -> Iterator[str]:
        for item in self.scenario.configuration():
            where = manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
            if self.cluster.get(*where) is None:
                yield f"{manifests.label_of(item)}: absent"

    def _capacity(self) -> Iterator[str]:
        for item in self.cluster.list(FUNCTION_TARGET):
            status = item.get("status", {})
            functions = f"{status.get('currentFunctions', 0)} of {status.get('maxFunctions', '?')} functions"
            capacity = f"{status.get('currentCapacity', 0)} of {status.get('maxCapacity', '?')} capacity"
            yield f"FunctionTarget {manifests.name_of(item)}: {state(item)}, {functions}, {capacity} in use"

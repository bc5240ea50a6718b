"""Deploys the controller from the host: the objects of its source, adapted in memory, applied if the cluster differs.

definitions > configuration > managers > daemons
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import capacity, collector, gpu_types, inventory, restarts, source
from tasks.engines.kube import access, kustomize, manifests
from tasks.images import archive_images
from tasks.lack import NOTHING
from tasks.settings import controller, parameters
from tasks.target import choice, kind_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from tasks.controller.source import Render
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.lack import Lack
    from tasks.settings.controller import Component
    from tasks.settings.parameters.model import Parameters
    from tasks.target.devices import Worker
    from tasks.target.interface import Target

# The step that InfoCollector is part of.
_COLLECTED = "configuration"
# The step with the daemon that counts what the inventory names.
_COUNTED = "daemons"


def lack(step: str) -> Lack:
    """Return the objects of a step that are not in the cluster as they should be, or do not run.

    Args:
        step: A key of `settings.controller.STEPS`.
    """
    chosen = parameters.current()
    deployed = of(chosen)
    collected = NOTHING
    if step == _COLLECTED and not deployed.inventory_by_host:
        collected = collector.lack(
            deployed.cluster, deployed.workers, kind_cluster.stand_ins(chosen)
        ) + _lack_of_inventory(deployed)
    counted = capacity.lack(deployed.cluster, deployed.workers) if step == _COUNTED else NOTHING
    return collected + deployed.cluster.lack(deployed.objects(step)) + counted


def deploy(step: str) -> None:
    """Apply what a step consists of, and wait until its workloads run.

    Args:
        step: A key of `settings.controller.STEPS`.

    Raises:
        Problem: The server refuses an object, or a workload does not come up within CONTROLLER_DEADLINE.
    """
    chosen = parameters.current()
    deployed = of(chosen)
    cluster, objects = deployed.cluster, deployed.objects(step)
    before = restarts.pods(cluster, objects)
    counting = capacity.following(cluster, deployed.workers, chosen.controller_deadline)
    with counting if step == _COUNTED else nullcontext():
        _deploy(step, objects, deployed, chosen)
    for line in restarts.lines(cluster, before, restarts.pods(cluster, objects)):
        progress.line(line)


def _deploy(step: str, objects: list[Object], deployed: Controller, chosen: Parameters) -> None:
    progress.step(f"applying {len(objects)} objects")
    applied = deployed.cluster.apply(objects)
    progress.line(f"{step}: {len(applied.changed)} objects applied, {applied.unchanged} were as they should be")
    if step == _COLLECTED and not deployed.inventory_by_host:
        collector.collect(deployed.cluster, deployed.workers, chosen)
    _await_workloads(deployed.cluster, objects, chosen.controller_deadline)


def lack_of_following() -> Lack:
    """Return what a running controller does not know of the workers' devices; nothing without a controller."""
    deployed = _running(parameters.current())
    if deployed is None:
        return NOTHING
    return _lack_of_inventory(deployed) + capacity.lack(deployed.cluster, deployed.workers)


def follow() -> None:
    """Tell a running controller what the workers have by now; without one there is nothing to tell.

    Raises:
        Problem: It does not count it within CONTROLLER_DEADLINE.
    """
    chosen = parameters.current()
    deployed = _running(chosen)
    if deployed is None:
        return
    if deployed.inventory_by_host:
        deployed.cluster.apply(deployed.offered())
    else:
        collector.collect(deployed.cluster, deployed.workers, chosen)
    with capacity.following(deployed.cluster, deployed.workers, chosen.controller_deadline):
        progress.step("DeviceInfo reads the inventory when it starts")


def _lack_of_inventory(deployed: Controller) -> Lack:
    if deployed.inventory_by_host:
        return deployed.cluster.lack(deployed.offered())
    return collector.lack_of_gpus(deployed.cluster, deployed.target.devices(deployed.workers))


def _running(chosen: Parameters) -> Controller | None:
    """Return the controller if it is deployed in a cluster that answers."""
    if not access.answers(chosen.cluster_name):
        return None
    cluster = access.cluster(chosen.cluster_name)
    there = cluster.get(manifests.DAEMON_SET, capacity.DAEMON, capacity.NAMESPACE)
    return of(chosen) if there else None


def _is_of(kinds: Collection[Kind], item: Object) -> bool:
    return manifests.kind_of(item) in kinds


def _await_workloads(cluster: Kube, objects: Iterable[Object], deadline: float) -> None:
    for item in objects:
        kind = manifests.kind_of(item)
        if kind in {manifests.DEPLOYMENT, manifests.DAEMON_SET}:
            cluster.wait_rollout(kind, manifests.name_of(item), manifests.namespace_of(item), deadline=deadline)


def of(chosen: Parameters) -> Controller:
    """Return the controller that the parameters choose, for the cluster that they name."""
    return Controller(
        hardware=chosen.controller_hardware,
        inventory_by_host=chosen.inventory == "host",
        references=lambda names: archive_images.references(names, chosen),
        render=lambda folder: kustomize.build(folder, chosen),
        target=choice.of(chosen),
    )


@dataclass(frozen=True)
class Controller:
    """The controller as it is to be deployed.

    Attributes:
        hardware: Hardware whose components are deployed, besides those that need none.
        inventory_by_host: Whether this tool reports what the workers offer, instead of InfoCollector.
        references: Returns the full references of images by their short names.
        render: Returns the objects of a kustomization's folder.
        target: The cluster.
    """

    hardware: tuple[str, ...]
    inventory_by_host: bool
    references: Callable[[Iterable[str]], Mapping[str, str]]
    render: Render
    target: Target

    @property
    def cluster(self) -> Kube:
        """The API."""
        return self.target.api

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the nodes that run functions."""
        return self.target.workers

    def objects(self, step: str) -> list[Object]:
        """Return what a step applies.

        Args:
            step: A key of `settings.controller.STEPS`.
        """
        by_step = {
            "definitions": self.definitions,
            "configuration": self.configuration,
            "managers": self.managers,
            "daemons": self.daemons,
        }
        return by_step[step]()

    def definitions(self) -> list[Object]:
        """Return the custom resource definitions that the source lists."""
        return self._source["definitions"]

    def configuration(self) -> list[Object]:
        """Return the namespaces and ConfigMaps that managers and daemons expect before they start."""
        spaces = self.target.namespaces(controller.NAMESPACES)
        gpus = gpu_types.of(self._devices, inventory.models())
        return [*spaces, *source.configuration_maps(gpus), *self.offered()]

    def managers(self) -> list[Object]:
        """Return the managers with what they need to run, as they are deployed."""
        return self._components("manager")

    def daemons(self) -> list[Object]:
        """Return the daemons of the workers, as they are deployed."""
        return self._components("daemon")

    def workloads(self) -> dict[str, Object]:
        """Return the Deployment or DaemonSet of each component that is deployed, by the name of its image."""
        parts = [part for role in ("manager", "daemon") for part in controller.deployed(role, self.hardware)]
        kinds = {manifests.DEPLOYMENT, manifests.DAEMON_SET}
        return {part.image: item for part in parts for item in self._source[part.image] if _is_of(kinds, item)}

    @cached_property
    def _source(self) -> dict[str, list[Object]]:
        return source.objects(self.hardware, self.render)

    @cached_property
    def _devices(self) -> list[Worker]:
        return self.target.devices(self.workers)

    def offered(self) -> list[Object]:
        """Return the inventory of the workers; nothing if InfoCollector reports it."""
        if not self.inventory_by_host:
            return []
        return inventory.config_maps(self._devices, inventory.models())

    def _components(self, role: str) -> list[Object]:
        return [item for part in controller.deployed(role, self.hardware) for item in self._component(part)]

    def _component(self, part: Component) -> list[Object]:
        items = self._source[part.image]
        image = self.references([part.image])[part.image]
        made = source.adapted_component(part, items, image, self._read_by(part))
        return self.target.adapted(part, made)

    def _read_by(self, part: Component) -> str:
        """Return the digest of the ConfigMaps that a component reads at its start, or an empty string."""
        if not part.reads:
            return ""
        maps = {manifests.name_of(item): item["data"] for item in self.configuration() if item["kind"] == "ConfigMap"}
        return manifests.digest([maps.get(name) or self._live_map(name) for name in part.reads])

    def _live_map(self, name: str) -> dict[str, str]:
        """Return the content of a ConfigMap that this tool does not write."""
        found = self.cluster.get(manifests.CONFIG_MAP, name, source.CONFIGURATION_NAMESPACE)
        content: dict[str, str] = (found or {}).get("data", {})
        return content

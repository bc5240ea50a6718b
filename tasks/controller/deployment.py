"""Deploys the controller from the host: what its source says, adapted in memory, applied where the cluster differs.

definitions > configuration > managers > daemons
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.archive import facts, source
from tasks.controller import collector, inventory
from tasks.engines.files import atomic
from tasks.engines.kube import access, kustomize, manifests
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.engines.kube.manifests import Object
    from tasks.settings.controller import Component

_DAEMON_NAMESPACE = "default"
_CONFIGURATION_NAMESPACE = "default"
_CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
# A change of what a workload reads once, at its start, restarts it.
_CONFIGURATION = "openkasugai.dev/configuration"


def is_current(step: str) -> bool:
    """Tell whether everything of a step is in the cluster as it should be, and runs.

    Args:
        step: A key of `STEPS`.
    """
    collected = step != _COLLECTED or _inventory_by_host() or collector.is_current(workers())
    return access.cluster().is_current(STEPS[step]()) and collected


def deploy(step: str) -> None:
    """Apply what a step consists of, and wait until its workloads run.

    Args:
        step: A key of `STEPS`.

    Raises:
        Problem: The server refuses an object, or a workload does not come up within CONTROLLER_DEADLINE.
    """
    cluster = access.cluster()
    objects = STEPS[step]()
    progress.step(f"applying {len(objects)} objects")
    applied = cluster.apply(objects)
    progress.line(f"{step}: {len(applied.changed)} objects applied, {applied.unchanged} were as they should be")
    if step == _COLLECTED and not _inventory_by_host():
        collector.collect(workers())
    for item in objects:
        kind = manifests.kind_of(item)
        if kind in {manifests.DEPLOYMENT, manifests.DAEMON_SET}:
            deadline = parameters.current().controller_deadline
            cluster.wait_rollout(kind, manifests.name_of(item), manifests.namespace_of(item), deadline=deadline)


def definitions() -> list[Object]:
    """Return the custom resource definitions that the source lists."""
    return _source()["definitions"]


def configuration() -> list[Object]:
    """Return the namespaces and ConfigMaps that managers and daemons expect before they start."""
    names = [manifests.namespace(name) for name in controller.NAMESPACES]
    offered = inventory.config_maps(inventory.of(workers()), inventory.models()) if _inventory_by_host() else []
    return names + _configuration_maps() + offered


def managers() -> list[Object]:
    """Return the managers with what they need to run, as they are deployed."""
    return [item for part in _deployed("manager") for item in _component(part)]


def daemons() -> list[Object]:
    """Return the daemons of the workers, as they are deployed."""
    return [item for part in _deployed("daemon") for item in _component(part)]


# The step that InfoCollector is part of.
_COLLECTED = "configuration"
STEPS: Mapping[str, Callable[[], list[Object]]] = {
    "definitions": definitions,
    "configuration": configuration,
    "managers": managers,
    "daemons": daemons,
}


def workers() -> list[str]:
    """Return the names of the nodes that run functions."""
    return list(_workers())


@cache
def _workers() -> tuple[str, ...]:
    nodes = access.cluster().list(manifests.NODE)
    labels = {manifests.name_of(node): node["metadata"].get("labels", {}) for node in nodes}
    return tuple(sorted(name for name, found in labels.items() if _CONTROL_PLANE_LABEL not in found))


def _inventory_by_host() -> bool:
    return parameters.current().inventory == "host"


def _deployed(role: str) -> tuple[Component, ...]:
    return controller.deployed(role, parameters.current().controller_hardware)


def adapted(item: Object, references: Mapping[str, str], reads: str = "") -> Object:
    """Return a workload as it is deployed here: our images, without dropped containers.

    Args:
        item: Any object; only the containers of a pod template are touched.
        references: Full image reference by last path component.
        reads: Digest of the ConfigMaps the workload reads at its start.
    """
    template = item.get("spec", {}).get("template")
    if not template:
        return item
    made = copy.deepcopy(item)
    template = made["spec"]["template"]
    pod = template["spec"]
    pod["containers"] = [each for each in pod["containers"] if each["name"] not in controller.DROPPED_CONTAINERS]
    for each in pod["containers"]:
        each["image"] = references.get(facts.image_name(each["image"]), each["image"])
    if reads:
        template["metadata"]["annotations"] = {**template["metadata"].get("annotations", {}), _CONFIGURATION: reads}
    return made


def require_image(component: str, items: Sequence[Object]) -> None:
    """Check that a component's manifests name its image, or the placeholder for it.

    Raises:
        Problem: No container runs it.
    """
    found = {facts.image_name(each) for item in items for each in facts.image_references(item)}
    if not found & {component, controller.PLACEHOLDER}:
        raise Problem(f"controller: no container of its manifests runs the image {component}, but {sorted(found)}")


def _component(part: Component) -> list[Object]:
    items = _source()[part.image]
    require_image(part.image, items)
    own = archive_images.references([part.image])[part.image]
    references = {part.image: own, controller.PLACEHOLDER: own}
    return [adapted(item, references, _read_by(part)) for item in items]


def _read_by(part: Component) -> str:
    maps = {manifests.name_of(item): item["data"] for item in configuration() if item["kind"] == "ConfigMap"}
    return manifests.digest([maps.get(name) or _live_map(name) for name in part.reads]) if part.reads else ""


def _live_map(name: str) -> dict[str, str]:
    """Return the content of a ConfigMap that this tool does not write."""
    found = access.cluster().get(manifests.CONFIG_MAP, name, _CONFIGURATION_NAMESPACE)
    content: dict[str, str] = (found or {}).get("data", {})
    return content


def _configuration_maps() -> list[Object]:
    folder = facts.SOURCE / controller.JSON
    wanted = {**controller.REQUIRED_CONFIGURATION, **controller.OPTIONAL_CONFIGURATION}
    present = {name: folder / file for name, file in wanted.items() if (folder / file).is_file()}
    return [
        manifests.config_map(name, _CONFIGURATION_NAMESPACE, {file.name: file.read_text(encoding="utf-8")})
        for name, file in present.items()
    ]


@cache
def _source() -> dict[str, list[Object]]:
    """Return the objects of the source, as it says them; rendered once for each source and version of this module."""
    parts = [part.image for role in ("manager", "daemon") for part in _deployed(role)]
    made_of = [source.digest(), *parts, Path(__file__).read_text(encoding="utf-8")]
    kept = paths.RENDERED / "controller" / f"{manifests.digest(made_of)}.json"
    if not kept.is_file():
        atomic.write(kept, json.dumps(_render()))
    found: dict[str, list[Object]] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def _render() -> dict[str, list[Object]]:
    root = facts.SOURCE
    found = {"definitions": [item for file in facts.definition_files(root) for item in manifests.load(file)]}
    for part in _deployed("manager"):
        rendered = kustomize.build(root / part.deployment, parameters.current())
        # Definitions come from the listed files alone: they are there before any manager.
        found[part.image] = [
            item for item in rendered if manifests.kind_of(item) != manifests.CUSTOM_RESOURCE_DEFINITION
        ]
    for part in _deployed("daemon"):
        found[part.image] = [_in_namespace(item) for item in manifests.load(root / part.daemon_set)]
    return found


def _in_namespace(item: Object) -> Object:
    return {**item, "metadata": {"namespace": _DAEMON_NAMESPACE, **item["metadata"]}}

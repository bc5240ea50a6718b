"""The objects of the controller's source: rendered once, and adapted in memory."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.archive import facts, source
from tasks.controller import gpu_types
from tasks.engines.files import atomic, trees
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tasks.engines.kube.manifests import Object
    from tasks.settings.controller import Component

    Render = Callable[[Path], list[Object]]

_DAEMON_NAMESPACE = "default"
CONFIGURATION_NAMESPACE = "default"
_KINDS = "functionkindmap"
# Annotation with the digest of what a workload reads only at its start: a change restarts the workload.
_CONFIGURATION = "openkasugai.dev/configuration"


def objects(hardware: tuple[str, ...], render: Render) -> dict[str, list[Object]]:
    """Return the objects as the source has them, by image, and its definitions under `definitions`.

    They are rendered once for each content of its manifests and version of this module.

    Args:
        hardware: Hardware whose components are deployed, besides those that need none.
        render: Returns the objects of a kustomization's folder.
    """
    parts = [part.image for role in ("manager", "daemon") for part in controller.deployed(role, hardware)]
    made_of = [_manifests(paths.source(), source.digest()), *parts, Path(__file__).read_text(encoding="utf-8")]
    name = f"controller/{manifests.digest(made_of)}.json"
    kept = next((file for file in (paths.RENDERED / name, paths.rendered() / name) if file.is_file()), None)
    if kept is None:
        kept = paths.rendered() / name
        atomic.write(kept, json.dumps(_rendered(hardware, render)))
    return _loaded(kept)


@cache
def _manifests(root: Path, digest: str) -> str:  # noqa: ARG001 - another source has other manifests
    """Return the digest of the folders with the components' manifests; an edited program leaves it as it is."""
    folders = [root / part.manifests for part in controller.COMPONENTS]
    return " ".join(trees.digest(folder) for folder in folders if folder.is_dir())


def _rendered(hardware: tuple[str, ...], render: Render) -> dict[str, list[Object]]:
    root = paths.source()
    found = {"definitions": [item for file in facts.definition_files(root) for item in manifests.load(file)]}
    for part in controller.deployed("manager", hardware):
        # Definitions come from the listed files only, so that they are there before any manager.
        found[part.image] = [
            item
            for item in render(root / part.deployment)
            if manifests.kind_of(item) != manifests.CUSTOM_RESOURCE_DEFINITION
        ]
    for part in controller.deployed("daemon", hardware):
        found[part.image] = [_in_namespace(item) for item in manifests.load(root / part.daemon_set)]
    return found


def _in_namespace(item: Object) -> Object:
    return {**item, "metadata": {"namespace": _DAEMON_NAMESPACE, **item["metadata"]}}


@cache
def _loaded(kept: Path) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def configuration_maps(gpus: Collection[str] = ()) -> list[Object]:
    """Return the ConfigMaps with the JSON files of the source.

    Args:
        gpus: Types of the workers' GPUs, which the source may not list.
    """
    folder = paths.source() / controller.JSON
    wanted = {**controller.REQUIRED_CONFIGURATION, **controller.OPTIONAL_CONFIGURATION}
    present = {name: folder / file for name, file in wanted.items() if (folder / file).is_file()}
    texts = {name: file.read_text(encoding="utf-8") for name, file in present.items()}
    if gpus and _KINDS in texts:
        texts[_KINDS] = gpu_types.kind_map(texts[_KINDS], gpus)
    return [manifests.config_map(name, CONFIGURATION_NAMESPACE, {wanted[name]: text}) for name, text in texts.items()]


def adapted_component(part: Component, items: Sequence[Object], image: str, reads: str) -> list[Object]:
    """Return a component's objects as they are deployed here.

    Args:
        part: The component.
        items: Its objects, as the source has them.
        image: Full reference of its image.
        reads: Digest of the ConfigMaps that it reads at its start, or an empty string.

    Raises:
        Problem: No container runs its image.
    """
    require_image(part.image, items)
    references = {part.image: image, controller.PLACEHOLDER: image}
    return [adapted(item, references, reads) for item in items]


def require_image(component: str, items: Sequence[Object]) -> None:
    """Check that a component's manifests name its image, or the placeholder for it.

    Raises:
        Problem: No container runs it.
    """
    found = {facts.image_name(each) for item in items for each in facts.image_references(item)}
    if not found & {component, controller.PLACEHOLDER}:
        raise Problem(f"controller: no container of its manifests runs the image {component}, but {sorted(found)}")


def adapted(item: Object, references: Mapping[str, str], reads: str = "") -> Object:
    """Return a workload as it is deployed here: with this installation's images, without dropped containers.

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

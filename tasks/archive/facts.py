"""What the controller's source says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Facts:
    """What the archive itself says.

    Attributes:
        tag: Version of the controller: the tag that its own script deploys, or else its daemons' tag.
        kubeconfig: File on each worker that the daemons mount to reach the API.
        images: Last path component of every image a component runs.
    """

    tag: str
    kubeconfig: str
    images: frozenset[str]


@lru_cache(maxsize=1)
def facts() -> Facts:
    """Return what the source in build/controller says.

    Raises:
        Problem: It is not there, or something that is needed is not in its place.
    """
    if not paths.source().is_dir():
        raise Problem(f"{shown(paths.source())}: not there", hint="./doit controller_source")
    return facts_of(paths.source())


def facts_of(root: Path) -> Facts:
    """Return what a tree of the source says about itself."""
    daemons = [item for part in controller.deployed("daemon") for item in manifests.load(root / part.daemon_set)]
    images = {image_name(reference): reference for item in daemons for reference in image_references(item)}
    return Facts(_tag(root, images), _kubeconfig(daemons), frozenset(images))


def image_references(item: manifests.Object) -> Iterator[str]:
    """Yield the image references of a workload's containers."""
    for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        yield container["image"]


def image_name(reference: str) -> str:
    """Return the last path component of an image reference, without tag and digest."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def definition_files(root: Path) -> list[Path]:
    """Return the CRD files that the kustomizations list; of two with the same name, the later one.

    Args:
        root: Top folder of the controller's source.

    Raises:
        Problem: A kustomization lists a file that is not there.
    """
    import yaml

    found: dict[str, Path] = {}
    for part in controller.COMPONENTS:
        listing = root / part.definitions
        for name in (yaml.safe_load(listing.read_text(encoding="utf-8")) or {}).get("resources") or []:
            file = listing.parent / name
            if not file.is_file():
                raise Problem(f"{part.definitions}: lists {name}, which is not there")
            found[file.name] = file
    return list(found.values())


def say_what_drivers_lack(image: str) -> None:
    """Report if an image has libfpga without its JSON parser, which the archive's makers have to add.

    Args:
        image: Name of the image.
    """
    if not (paths.source() / controller.DRIVERS_SOURCE / controller.DRIVERS_JSON_PARSER).is_file():
        progress.line(
            f"{image}: the source's {controller.DRIVERS_SOURCE} lacks {controller.DRIVERS_JSON_PARSER}: "
            "built without it; only FPGAs need it"
        )


def _tag(root: Path, images: dict[str, str]) -> str:
    """Return the one tag of the controller's images."""
    script = root / controller.DEPLOY_SCRIPT
    if script.is_file():
        found = re.search(r"^TAG=([\w.-]+)", script.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        if found:
            return found[1]
    tags = {reference.rpartition(":")[2] for name, reference in images.items() if ":" in reference.rpartition("/")[2]}
    if len(tags) != 1:
        raise Problem(f"controller: its daemons have the image tags {sorted(tags)}, expected one")
    return tags.pop()


def _kubeconfig(daemons: Iterable[manifests.Object]) -> str:
    """Return the path, on the nodes, of the kubeconfig that the daemons mount."""
    found = {path for item in daemons for path in _mounted_kubeconfigs(item)}
    if len(found) != 1:
        raise Problem(f"controller: its daemons mount {sorted(found)} as kubeconfig, expected one path")
    return found.pop()


def _mounted_kubeconfigs(daemon: manifests.Object) -> Iterator[str]:
    """Yield host paths of the volumes that a container's `--kubeconfig` argument points at."""
    pod = daemon["spec"]["template"]["spec"]
    host_paths = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in pod.get("volumes", [])}
    for container in pod["containers"]:
        asked = {word.partition("=")[2] for word in container.get("args", []) if word.startswith("--kubeconfig=")}
        for mount in container.get("volumeMounts", []):
            if mount["mountPath"] in asked:
                yield host_paths[mount["name"]]


def shown(path: Path) -> str:
    """Return a path as messages show it: relative to the checkout, if it is inside."""
    lasting = paths.lasting(path)
    return lasting.relative_to(paths.ROOT).as_posix() if lasting.is_relative_to(paths.ROOT) else str(lasting)

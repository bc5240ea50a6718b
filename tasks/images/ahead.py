"""Programs of node images, fetched and compiled ahead of the images, while the images below them are built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.engines.docker import client as engine
from tasks.images import node_images, runtime
from tasks.settings import images, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.lack import Lack
    from tasks.settings.images import NodeImage, Programs
    from tasks.settings.parameters.model import Parameters


def lack(artifact: str) -> Lack:
    """Return the images that need programs which are not made yet, if any.

    Args:
        artifact: Name of an artifact that node images take programs of.

    Raises:
        Problem: No engine answers.
    """
    waiting = [f"for image {image.name}" for image, _ in _waiting(artifact, parameters.current())]
    return lacks.of(*waiting) if waiting else lacks.SETTLED


def fetch(artifact: str) -> None:
    """Fetch the source of programs that images need, unless they come from a release.

    Args:
        artifact: Name of an artifact.

    Raises:
        Problem: A module cannot be fetched, or its checksum is not the known one.
    """
    current = parameters.current()
    for _, use in _waiting(artifact, current):
        node_images.fetch_source(use, current)


def make(artifact: str) -> None:
    """Make the programs that images need.

    Args:
        artifact: Name of an artifact.

    Raises:
        Problem: They do not compile, or their release cannot be fetched.
    """
    current = parameters.current()
    for _, use in _waiting(artifact, current):
        node_images.ensure_programs(use, current)


def _waiting(artifact: str, current: Parameters) -> list[tuple[NodeImage, Programs]]:
    """Return the images that have to be built, and the programs of an artifact that they are in want of."""
    uses = [(image, use) for image in _images(current) for use in node_images.programs(image, current)]
    wanted = [(image, use) for image, use in uses if use.artifact.name == artifact]
    missing = [(image, use) for image, use in wanted if not node_images.has_programs(use, current)]
    return [(image, use) for image, use in missing if _is_due(image, use, current)]


def _is_due(image: NodeImage, use: Programs, current: Parameters) -> bool:
    asked = node_images.is_to_be_asked_for(use, current)
    return asked or engine.is_new() or bool(node_images.lack(image.name))


def _images(current: Parameters) -> Iterable[NodeImage]:
    """Yield the images of nodes and of the registry, but of the runtimes only the chosen one."""
    unused = {*images.RUNTIME_IMAGES.values()} - {images.RUNTIME_IMAGES[runtime.chosen(current)]}
    return (image for image in (*images.NODE_IMAGES, images.REGISTRY) if image.name not in unused)

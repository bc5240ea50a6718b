"""The images of add-ons: as upstream publishes them, or compiled and pushed to the registry that nodes pull from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.go import modules
from tasks.images import building, node_images
from tasks.images.recipe import TAG_LENGTH
from tasks.registry import client

if TYPE_CHECKING:
    from tasks.lack import Lack
    from tasks.settings.addons import PublishedImage, Release
    from tasks.settings.images import NodeImage
    from tasks.settings.parameters.model import Parameters


def lack(image: NodeImage, current: Parameters) -> Lack:
    """Return the image that is made from source, if the registry lacks it."""
    if waiting := node_images.unresolved(image, current):
        return lacks.of(*(f"{artifact.name}: {modules.definition(artifact, current)}" for artifact in waiting))
    wanted = _reference(image, current)
    return lacks.unless(client.of(current).holds(wanted), f"{wanted}: not in the registry")


def ensure_image(image: NodeImage, current: Parameters) -> None:
    """Compile an image, unless the engine has it, and push it.

    Raises:
        Problem: It does not compile, or the registry refuses it.
    """
    if building.lack_of(node_images.recipe(image, current)):
        # A new recipe, because which Go compiles may become known only during the build.
        building.build(node_images.recipe(image, current))
    wanted = _reference(image, current)
    client.of(current).push(node_images.recipe(image, current).tag, wanted)
    progress.line(wanted)


def compiled(release: Release | None, current: Parameters) -> NodeImage | None:
    """Return the image that is compiled for an add-on, or None if upstream's images are used."""
    return release.built if release and (current.addon_images == "source" or not release.registry) else None


def replacements(release: Release, current: Parameters) -> list[dict[str, str]]:
    """Return the replacement for each of upstream's images, in kustomize's format."""
    image = compiled(release, current)
    references = {
        each.name: _reference(image, current) if image else _published(release, each, current)
        for each in release.images
    }
    parts = {name: reference.rpartition(":") for name, reference in references.items()}
    return [{"name": name, "newName": path, "newTag": tag} for name, (path, _, tag) in parts.items()]


def _published(release: Release, image: PublishedImage, current: Parameters) -> str:
    tag = image.tag.format(version=getattr(current, release.version.lower()))
    return f"{getattr(current, release.registry.lower())}/{image.name.rpartition('/')[2]}:{tag}"


def _reference(image: NodeImage, current: Parameters) -> str:
    """Return the name under which nodes pull a compiled image; its tag is derived from its inputs."""
    digest = node_images.recipe(image, current).made_of.digest
    return f"{current.dci_registry_addr_alt}/{image.name}:{digest[:TAG_LENGTH]}"

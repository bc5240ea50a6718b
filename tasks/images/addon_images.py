"""The images of add-ons: as upstream publishes them, or compiled and pushed to the registry that nodes pull from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.images import node_images
from tasks.registry import client
from tasks.settings import images as table
from tasks.settings import parameters

if TYPE_CHECKING:
    from tasks.lack import Lack
    from tasks.settings.addons import PublishedImage, Release
    from tasks.settings.images import NodeImage

_TAG_LENGTH = 12


def lack(image: NodeImage) -> Lack:
    """Return whether the registry lacks the image that the sources make."""
    return lacks.unless(client.holds(_reference(image)), f"{_reference(image)}: not in the registry")


def make(image: NodeImage) -> None:
    """Compile an image, unless the engine has it, and push it.

    Raises:
        Problem: It does not compile, or the registry refuses it.
    """
    if not node_images.is_current(image.name):
        node_images.build(image.name)
    client.push(table.tag(image.name, parameters.current()), _reference(image))
    progress.line(_reference(image))


def compiled(release: Release | None) -> NodeImage | None:
    """Return the image that is compiled for an add-on, or None where those of upstream are used."""
    wanted = parameters.current().addon_images == "source"
    return release.built if release and wanted else None


def replaced(release: Release) -> list[dict[str, str]]:
    """Return what stands in for each of upstream's images, in kustomize's words."""
    image = compiled(release)
    references = {each.name: _reference(image) if image else _published(release, each) for each in release.images}
    parts = {name: reference.rpartition(":") for name, reference in references.items()}
    return [{"name": name, "newName": path, "newTag": tag} for name, (path, _, tag) in parts.items()]


def _published(release: Release, image: PublishedImage) -> str:
    current = parameters.current()
    tag = image.tag.format(version=getattr(current, release.version.lower()))
    return f"{getattr(current, release.registry.lower())}/{image.name.rpartition('/')[2]}:{tag}"


def _reference(image: NodeImage) -> str:
    """Return the name under which nodes pull a compiled image; its tag says what it is made of."""
    return f"{client.pull_address()}/{image.name}:{node_images.inputs(image)[:_TAG_LENGTH]}"

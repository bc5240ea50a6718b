"""Images built from the controller's source and pushed to the registry that the nodes pull from.

A tag is derived from the image's inputs. So a reference never means two things, an unchanged image is never pulled
again, and a changed one restarts exactly the workloads that name it.
"""

from __future__ import annotations

import os
from functools import cache, partial
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.archive import dockerfiles
from tasks.archive import facts as archive
from tasks.archive import source as archive_source
from tasks.engines.docker import images as docker_images
from tasks.engines.files import modes
from tasks.engines.go import modules
from tasks.images import archive_context, base, building, compilers, user_images
from tasks.images.recipe import TAG_LENGTH, Definition, Pulled, Recipe, content, digest
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.settings import controller, images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.lack import Lack
    from tasks.settings.controller import SourceImage
    from tasks.settings.parameters.model import Parameters

IMAGES = {image.name: image for image in (*controller.CONTROLLER_IMAGES, *controller.FUNCTION_IMAGES)}
_PASSED_ON = ("PIP_INDEX_URL",)


def lack(name: str) -> Lack:
    """Return the image, compiled or published, if the registry lacks it.

    Args:
        name: Name of an image, such as "cpufunction".
    """
    current = parameters.current()
    if _is_on_deepstream(name) and (stored := user_images.lack_in_engine()):
        return lacks.of(stored)
    wanted = reference(name, current)
    return lacks.unless(registry_client.of(current).holds(wanted), f"{wanted}: not in the registry")


def build(name: str) -> None:
    """Build or pull an image, unless the engine has it from an earlier run, and push it.

    Args:
        name: Name of an image.

    Raises:
        Problem: Its source does not compile, a step of its Dockerfile fails, it cannot be pulled, or the registry
            refuses it.
    """
    current = parameters.current()
    image = IMAGES[name]
    if _is_on_deepstream(name):
        user_images.ensure()
    if not _is_published(image, current) and _compiles(image):
        # The digest includes the Go that actually compiles.
        modules.settle(current)
    local = building.ensure_image(wanted(image, current))
    registry_client.of(current).push(local, reference(name, current))
    progress.line(f"{reference(name, current)}")


def reference(name: str, current: Parameters) -> str:
    """Return the full name under which nodes pull an image.

    Args:
        name: Name of an image.
        current: The parameters of the run.
    """
    image = IMAGES[name]
    published = _is_published(image, current)
    tag = archive.facts().tag if published else inputs(name, current, modules.version(current))[:TAG_LENGTH]
    return f"{current.dci_registry_addr_alt}/{name}:{tag}"


def references(names: Iterable[str], current: Parameters) -> dict[str, str]:
    """Return the full names of images by their short names.

    Args:
        names: Names of images, such as "cpufunction".
        current: The parameters of the run.
    """
    return {name: reference(name, current) for name in names}


def is_in_source(name: str) -> bool:
    """Return whether the source has the Dockerfile of an image.

    Args:
        name: Name of an image, such as "cpufunc_gst".
    """
    return (paths.CONTROLLER / IMAGES[name].folder / "Dockerfile").is_file()


def lack_of_parent(name: str) -> str:
    """Return why an image that the source has cannot be built; empty if all that it starts from can be had.

    Args:
        name: Name of an image, such as "gpufunc_dsa".
    """
    return user_images.lack() if _is_on_deepstream(name) else ""


def wanted(image: SourceImage, current: Parameters) -> Pulled | Recipe:
    """Return the recipe for an image, or the name of the published image that is pulled instead.

    Raises:
        Problem: The source is missing, or the image starts from one that only the user can build and that is missing.
    """
    if _is_published(image, current):
        return Pulled(f"{current.dci_registry_addr}/{image.name}:{archive.facts().tag}")
    made_of = Definition(inputs(image.name, current, modules.version(current)))
    return Recipe(
        tag=f"{image.name}:{made_of.digest[:TAG_LENGTH]}",
        parent=parent(image, current),
        contents=(partial(archive_context.put, image, current),),
        define=lambda: made_of,
        arguments={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )


def parent(image: SourceImage, current: Parameters) -> str | Pulled | Recipe:
    """Return what an image starts from.

    Raises:
        Problem: It is one that only the user can build, and the engine does not have it.
    """
    name = _origin(image)
    if name in IMAGES:
        return wanted(IMAGES[name], current)
    if name == controller.DEEPSTREAM:
        return user_images.require()
    if _packages(image):
        return compilers.recipe(image.packages, current)
    return images.tag(images.BASE, current)


@cache
def inputs(name: str, current: Parameters, go: str) -> str:
    """Return the digest of what an image is made of: its Dockerfile, the files that this copies, and its parent.

    Args:
        name: Name of an image.
        current: The parameters of the run.
        go: The Go that compiles its programs, if it has any.

    Raises:
        Problem: The source is not there.
    """
    return digest(_content(IMAGES[name], current, go))


def _content(image: SourceImage, current: Parameters, go: str) -> Iterator[bytes]:
    yield f"{_parent_identity(image, current)} {modes.GIVEN}".encode()
    scope = [archive_context.dockerfile(image), *archive_context.scope(image)]
    yield from content(paths.CONTROLLER / image.context, scope)
    if _compiles(image):
        yield go.encode()
    program = archive_context.go_program(image)
    if program and program.with_c:
        yield compilers.compiler_digest(current).encode()


def _parent_identity(image: SourceImage, current: Parameters) -> str:
    """Return what identifies an image's parent, which may not exist yet."""
    found = parent(image, current)
    if isinstance(found, Recipe):
        return found.made_of.digest
    if isinstance(found, Pulled):
        return reference(_origin(image), current)
    return docker_images.require(found).id if _origin(image) == controller.DEEPSTREAM else base.identity(current)


def _is_published(image: SourceImage, current: Parameters) -> bool:
    """Return whether the published image is used; images that nobody publishes are always compiled.

    Raises:
        Problem: The controller is the sample, which has no published images.
    """
    chosen = current.controller_images == "registry"
    if chosen and archive_source.origin(current) == paths.SAMPLE:
        raise Problem("CONTROLLER_IMAGES: the sample controller is in no registry", hint="CONTROLLER_IMAGES=source")
    return chosen and image.published


def _compiles(image: SourceImage) -> bool:
    return bool(archive_context.go_program(image) or archive_context.compiled_programs(image))


def _is_on_deepstream(name: str) -> bool:
    """Return whether the source builds an image on the one that only the user can build."""
    if not is_in_source(name):
        return False
    origin = _origin(IMAGES[name])
    return _is_on_deepstream(origin) if origin in IMAGES else origin == controller.DEEPSTREAM


def _origin(image: SourceImage) -> str:
    """Return the last path component of the image that a Dockerfile's last stage starts from, without its tag."""
    return archive.image_name(dockerfiles.stages(archive_context.text(image))[-1].parent)


def _packages(image: SourceImage) -> str:
    """Return the folder of kind/ with an image's packages, or nothing if its Dockerfile is built as it is."""
    return "" if dockerfiles.lets_base_be_chosen(archive_context.text(image)) else image.packages

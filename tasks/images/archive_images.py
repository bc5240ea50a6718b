"""Images of the controller's source: built and pushed to the registry that the nodes pull from, or taken as they are.

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
from tasks.engines.docker import images as docker_images
from tasks.engines.files import modes
from tasks.engines.go import modules
from tasks.images import (
    archive_context,
    base,
    building,
    compile_errors,
    compilers,
    harbor_images,
    published_images,
    user_images,
    virtual_functions,
)
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
_STANDS_IN = f": on a stand-in for {controller.DEEPSTREAM}, which marks frames and infers nothing"


def lack(name: str) -> Lack:
    """Return the image if the registry lacks it; one that is taken as it is lacks nothing, unless it is not there.

    Args:
        name: Name of an image, such as "cpufunction".

    Raises:
        Problem: The registry does not answer.
    """
    current = parameters.current()
    if taken(name, current):
        return lacks.obstacle(*_missing(IMAGES[name], current))
    if _is_on_deepstream(name, current) and (stored := user_images.lack_in_engine()):
        return lacks.of(stored)
    wanted = reference(name, current)
    return lacks.unless(registry_client.of(current).holds(wanted), f"{wanted}: not in the registry")


def build(name: str) -> None:
    """Build an image, unless the engine has it from an earlier run, and push it; one that is taken is only looked for.

    Args:
        name: Name of an image.

    Raises:
        Problem: Its source does not compile, a step of its Dockerfile fails, or the registry refuses it; or it is to be
            taken, and is not there.
    """
    current = parameters.current()
    image = IMAGES[name]
    if found := taken(name, current):
        _require(image, current)
        progress.line(f"{found}: taken as it is")
        return
    _say_why_built(image, current)
    if _is_on_deepstream(name, current):
        user_images.ensure()
    if _compiles(image):
        # The digest includes the Go that actually compiles.
        modules.settle(current)
    with compile_errors.located(partial(archive_context.copied_as, image)):
        local = building.ensure_image(wanted(image, current))
    registry_client.of(current).push(local, reference(name, current))
    progress.line(f"{reference(name, current)}{_STANDS_IN if _is_stand_in(image, current) else ''}")


def reference(name: str, current: Parameters) -> str:
    """Return the full name under which nodes pull an image.

    Args:
        name: Name of an image.
        current: The parameters of the run.
    """
    if found := taken(name, current):
        return found
    return f"{current.dci_registry_addr_alt}/{name}:{inputs(name, current, modules.version(current))[:TAG_LENGTH]}"


def references(names: Iterable[str], current: Parameters) -> dict[str, str]:
    """Return the full names of images by their short names.

    Args:
        names: Names of images, such as "cpufunction".
        current: The parameters of the run.
    """
    return {name: reference(name, current) for name in names}


def taken(name: str, current: Parameters) -> str:
    """Return the full name of an image that is used as somebody else made it, or an empty string if it is built here.

    Args:
        name: Name of an image.
        current: The parameters of the run.

    Raises:
        Problem: It is to be taken from where it is not, or a registry that has to be asked does not answer.
    """
    if IMAGES[name].published:
        return published_images.taken(name, current)
    return "" if _is_replaced(name, current) else harbor_images.taken(name, current)


def obstacles(name: str, current: Parameters) -> tuple[str, ...]:
    """Return why an image can neither be taken as it is nor built here, one phrase each.

    Args:
        name: Name of an image.
        current: The parameters of the run.
    """
    try:
        if taken(name, current):
            return _missing(IMAGES[name], current)
    except Problem as problem:
        return (problem.message,)
    return () if is_in_source(name) else (f"image {name} cannot be built: the controller's source does not hold it",)


def is_in_source(name: str) -> bool:
    """Return whether the source has the Dockerfile of an image.

    Args:
        name: Name of an image, such as "cpufunc_gst".
    """
    return (paths.source() / IMAGES[name].folder / "Dockerfile").is_file()


def lack_of_parent(name: str, current: Parameters) -> str:
    """Return why an image that the source has cannot be built; empty if all that it starts from can be had.

    An image that is taken as it is starts from nothing; what keeps it from being taken is among its `obstacles`.

    Args:
        name: Name of an image, such as "gpufunc_dsa".
        current: The parameters of the run.
    """
    if against := _against_base(name, current):
        return against
    if not _is_on_deepstream(name, current) or obstacles(name, current) or taken(name, current):
        return ""
    return user_images.lack()


def _against_base(name: str, current: Parameters) -> str:
    """Return why the image of the archive that an image starts from cannot be had; empty if it starts from none."""
    base = _origin(IMAGES[name]) if is_in_source(name) else ""
    if base not in IMAGES or obstacles(name, current) or taken(name, current):
        return ""
    return "; ".join(obstacles(base, current))


def wanted(image: SourceImage, current: Parameters) -> Pulled | Recipe:
    """Return the recipe for an image, or the name of the published image that is pulled instead.

    Raises:
        Problem: The source is missing, or the image starts from one that only the user can build and that is missing.
    """
    if image.published and (found := published_images.taken(image.name, current)):
        return Pulled(found)
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
    if _is_stand_in(image, current):
        return compilers.recipe(controller.DEEPSTREAM_STAND_IN, current)
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
    yield from content(paths.source() / image.context, scope)
    if resource := virtual_functions.resource(image, current):
        yield resource.encode()
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
    return docker_images.content(found) if _origin(image) == controller.DEEPSTREAM else base.identity(current)


def _missing(image: SourceImage, current: Parameters) -> tuple[str, ...]:
    if image.published:
        return published_images.missing([image.name], current)
    return harbor_images.missing(image.name, current)


def _require(image: SourceImage, current: Parameters) -> None:
    if lines := _missing(image, current):
        raise Problem("\n".join(lines), hint=published_images.HINT if image.published else harbor_images.HINT)


def _say_why_built(image: SourceImage, current: Parameters) -> None:
    """Report the image that is not there, if it is built for that reason; the controller's are reported together."""
    if not image.published and current.function_images == "auto" and not _is_replaced(image.name, current):
        progress.line(f"{harbor_images.reference(image.name, current)}: not in the registry, so it is built here")


def _compiles(image: SourceImage) -> bool:
    return bool(archive_context.go_program(image) or archive_context.compiled_programs(image))


def _is_on_deepstream(name: str, current: Parameters) -> bool:
    """Return whether an image is built on the one that only the user can build."""
    if not is_in_source(name) or user_images.is_stood_in(current):
        return False
    origin = _origin(IMAGES[name])
    return _is_on_deepstream(origin, current) if origin in IMAGES else origin == controller.DEEPSTREAM


def _is_stand_in(image: SourceImage, current: Parameters) -> bool:
    """Return whether an image starts from the stand-in for the one that only the user can build."""
    origin = _origin(image)
    stood_in = user_images.is_stood_in(current) and origin == controller.DEEPSTREAM
    return stood_in or origin == controller.DEEPSTREAM_STAND_IN


def _is_replaced(name: str, current: Parameters) -> bool:
    """Return whether an image is built although the registry may have it: the registry's needs a GPU to run."""
    asks = current.function_images == "auto" and user_images.is_stood_in(current)
    return asks and is_in_source(name) and _is_stand_in(IMAGES[name], current)


def _origin(image: SourceImage) -> str:
    """Return the last path component of the image that a Dockerfile's last stage starts from, without its tag."""
    return archive.image_name(dockerfiles.stages(archive_context.text(image))[-1].parent)


def _packages(image: SourceImage) -> str:
    """Return the folder of kind/ with an image's packages, or nothing if its Dockerfile is built as it is."""
    return "" if dockerfiles.lets_base_be_chosen(archive_context.text(image)) else image.packages

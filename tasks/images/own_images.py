"""The image of a user's own function: the recipe for a folder of work/functions, and what it starts from."""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.archive import facts as archive
from tasks.engines.docker import images as docker_images
from tasks.engines.files import modes
from tasks.engines.go import modules
from tasks.functions import content, dockerfile, folders
from tasks.images import archive_context, archive_images, base, building, compile_errors
from tasks.images.recipe import TAG_LENGTH, Definition, Pulled, Recipe, digest
from tasks.images.recipe import content as recipe_content
from tasks.problems import Problem
from tasks.settings import controller, images, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.functions.dockerfile import Base
    from tasks.functions.go_stage import Program
    from tasks.settings.parameters.model import Parameters

# The functions of the controller's source, which others may start from.
_OFFERED = frozenset(image.name for image in controller.FUNCTION_IMAGES)
# Build arguments that a Dockerfile may declare, in addition to BASE_IMAGE and the proxies.
_PASSED_ON = ("PIP_INDEX_URL",)
# What to do if an image cannot be pulled, by its name.
_HINTS = {
    "golang": "a stage that only copies source and runs go build -o needs no image with Go (see README)",
    "dockerfile": "leave the line out: BuildKit reads Dockerfiles by itself",
}
_HINT = "ARG BASE_IMAGE and FROM ${BASE_IMAGE}, or an image that can be pulled here"
_LOCAL = re.compile(r"(?:localhost/)?(?P<name>[^/:@]+)(?::[^/:@]+)?")


def inputs(name: str, current: Parameters) -> str:
    """Return the digest of what a function's image is made of: its files, and what its stages start from.

    Args:
        name: Name of a function.
        current: The parameters of the run.

    Raises:
        Problem: It cannot be built.
    """
    return _inputs(name, current, modules.version(current))


def recipe(name: str, current: Parameters) -> Recipe:
    """Return the recipe for a function's image.

    Raises:
        Problem: It cannot be built.
    """
    made_of = Definition(inputs(name, current))
    return Recipe(
        tag=f"{name}:{made_of.digest[:TAG_LENGTH]}",
        parent=images.tag(images.BASE, current),
        contents=(partial(_put, name, current),),
        define=lambda: made_of,
        arguments={key: os.environ[key] for key in _PASSED_ON if key in os.environ},
    )


def ensure(name: str, current: Parameters) -> str:
    """Ensure that the engine has a function's image, after those that it starts from; return its name.

    Args:
        name: Name of a function.
        current: The parameters of the run.

    Raises:
        Problem: An image that it starts from cannot be pulled, which is found out before anything is built; or a
            program or a step of its Dockerfile fails.
    """
    _pull(name, current)
    return _ensure(name, current)


def obstacles(name: str, current: Parameters) -> tuple[str, ...]:
    """Return why a function cannot be built, one phrase each, as far as that is known without pulling anything.

    Args:
        name: Name of a function.
        current: The parameters of the run.
    """
    try:
        chain = _chain(name)
        return tuple(line for each in chain for line in _against_offered(each, current))
    except Problem as problem:
        return (problem.message,)


@cache
def _inputs(name: str, current: Parameters, go: str) -> str:
    return _looked_up(name, current, go)


def forget() -> None:
    """Forget what the functions were made of, for those who have changed one."""
    _inputs.cache_clear()


def _looked_up(name: str, current: Parameters, go: str) -> str:
    """Return the same as `inputs`, as it is now."""
    _chain(name)
    found = dockerfile.of(name)
    header = [modes.GIVEN]
    header += [base.identity(current)] if found.is_on_base else []
    header += [go] if found.compiled else []
    header += [_identity(kind, other, current) for kind, other in _made_here(name).values()]
    files = recipe_content(folders.folder(name), content.files(name))
    return digest([" ".join(header).encode(), *files])


def _made_here(name: str) -> dict[str, tuple[str, str]]:
    """Return the functions that a function starts from, by the name that its Dockerfile uses: "own" or "offered"."""
    found = {}
    for each in dockerfile.of(name).bases:
        match = _LOCAL.fullmatch(each.name)
        other = match["name"] if match else ""
        if other != name and folders.is_own(other):
            found[each.name] = ("own", other)
        elif other in _OFFERED:
            found[each.name] = ("offered", other)
    return found


def _chain(name: str, trail: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the function and the own ones that it starts from, at any distance.

    Raises:
        Problem: One of them cannot be built, or starts from itself in the end.
    """
    if name in trail:
        raise Problem(f"{folders.shown(name, folders.DOCKERFILE)}: starts from itself: {' > '.join((*trail, name))}")
    others = [other for kind, other in _made_here(name).values() if kind == "own"]
    return (name, *(each for other in others for each in _chain(other, (*trail, name))))


def _elsewhere(name: str) -> list[Base]:
    made = _made_here(name)
    return [each for each in dockerfile.of(name).bases if each.name not in made]


def _identity(kind: str, name: str, current: Parameters) -> str:
    if kind == "own":
        return inputs(name, current)
    return archive_images.reference(name, current)


def _against_offered(name: str, current: Parameters) -> Iterator[str]:
    for kind, other in _made_here(name).values():
        if kind == "offered":
            lacking = archive_images.obstacles(other, current) or (archive_images.lack_of_parent(other, current),)
            yield from (f"{folders.shown(name, folders.DOCKERFILE)}: {line}" for line in lacking if line)


def _pull(name: str, current: Parameters) -> None:
    """Pull what the Dockerfiles of a function, and of those that it starts from, take from elsewhere.

    Raises:
        Problem: One line with the instruction, if one cannot be pulled.
    """
    for own in _chain(name):
        for each in _elsewhere(own):
            if docker_images.find(each.name) is None:
                _pull_base(folders.shown(own, folders.DOCKERFILE), each)
        for kind, other in _made_here(own).values():
            if kind == "offered" and (taken := archive_images.taken(other, current)):
                docker_images.pull(taken)


def _pull_base(file: str, wanted: Base) -> None:
    try:
        docker_images.pull(wanted.name)
    except Problem as problem:
        reason = problem.message.removeprefix(f"image {wanted.name}: ")
        hint = _HINTS.get(archive.image_name(wanted.name), _HINT)
        raise Problem(f"{file}:{wanted.line}: {wanted.words}: {reason}", hint=hint) from problem


def _ensure(name: str, current: Parameters) -> str:
    for kind, other in _made_here(name).values():
        if kind == "own":
            _ensure(other, current)
        elif not archive_images.taken(other, current):
            building.ensure_image(archive_images.wanted(archive_images.IMAGES[other], current))
    if dockerfile.of(name).compiled:
        # The digest includes the Go that actually compiles.
        modules.settle(current)
    return building.ensure_image(recipe(name, current))


def _local(kind: str, name: str, current: Parameters) -> str:
    """Return the name that a function has in the engine, from which another starts."""
    if kind == "own":
        return recipe(name, current).tag
    wanted = archive_images.taken(name, current) or archive_images.wanted(archive_images.IMAGES[name], current)
    if isinstance(wanted, str):
        return wanted
    return wanted.reference if isinstance(wanted, Pulled) else wanted.tag


def _put(name: str, current: Parameters, context: Path) -> None:
    """Fill the build context of a function.

    Raises:
        Problem: A program does not compile, or the folder has changed since the image was named.
    """
    found = dockerfile.of(name)
    content.put(name, context)
    if _looked_up(name, current, modules.version(current)) != inputs(name, current):
        raise Problem(f"{folders.shown(name)}: changed while it was built", hint=f"./doit function_image:{name}")
    for number, programs in found.compiled.items():
        for program in programs:
            target = context / dockerfile.COMPILED / number / program.output.lstrip("/")
            _compile(name, program, target, current)
    if found.takes(archive_context.CERTIFICATES):
        archive_context.put_certificates(context)
    names = {used: _local(kind, other, current) for used, (kind, other) in _made_here(name).items()}
    (context / folders.DOCKERFILE).write_text(found.with_bases(names), encoding="utf-8")


def _compile(name: str, program: Program, target: Path, current: Parameters) -> None:
    """Put the source of a program together as its stage does, and compile it."""
    with tempfile.TemporaryDirectory(prefix="source-", dir=paths.BUILD) as workspace:
        for copied in program.copies:
            content.copy(name, copied.sources, copied.target, Path(workspace))
        target.parent.mkdir(parents=True, exist_ok=True)
        module = Path(workspace, program.folder.lstrip("/"))
        module.mkdir(parents=True, exist_ok=True)
        with compile_errors.located(lambda file: _edited(name, file)):
            modules.build_tree(module, program.package, target, current)


def _edited(name: str, file: str) -> str:
    """Return a file of a function's folder as messages name it; empty for any other."""
    return folders.shown(name, file) if (folders.folder(name) / file).is_file() else ""

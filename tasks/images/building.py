"""Builds an image from its recipe, once: it is up to date as long as its label has the digest of its inputs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import images as docker_images
from tasks.engines.files import modes
from tasks.engines.files.lock import alone, part_of
from tasks.images.recipe import Pulled, Recipe
from tasks.settings import paths
from tasks.settings.images import INPUTS_LABEL, PARTS_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.images.recipe import Definition
    from tasks.lack import Lack


def lack(tag: str, made_of: Callable[[], Definition]) -> Lack:
    """Return what differs between an image of the engine and the one that would be made.

    Args:
        tag: The name of the image.
        made_of: Returns what it would be made of; called only if the engine has an image of that name.
    """
    found = docker_images.find(tag)
    if found is None:
        return lacks.absent(f"image {tag}")
    wanted = made_of()
    if found.labels.get(INPUTS_LABEL) == wanted.digest:
        return lacks.NOTHING
    before = json.loads(found.labels.get(PARTS_LABEL, "{}"))
    now = wanted.parts if before else {}
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return lacks.remade(
        *(
            f"{name}: {before.get(name, 'something else')} -> {now.get(name, 'other inputs')}"
            for name in changed or [f"image {tag}"]
        )
    )


def lack_of(recipe: Recipe) -> Lack:
    """Return what differs between the engine's image and the one that its recipe makes."""
    return lack(recipe.tag, lambda: recipe.made_of)


def ensure_image(wanted: str | Pulled | Recipe) -> str:
    """Ensure that the engine has an image; of two runs that need the same recipe, one builds it.

    Args:
        wanted: The name of an existing image, an image to pull, or the recipe of one to build unless the engine has it.

    Returns:
        Its name.

    Raises:
        Problem: It cannot be pulled, or a program or a step of its Dockerfile fails.
    """
    if isinstance(wanted, str):
        return wanted
    if isinstance(wanted, Pulled):
        return docker_images.pull(wanted.reference)
    with alone(_place(wanted.tag)):
        if lack_of(wanted):
            _build(wanted)
    return wanted.tag


def build(recipe: Recipe) -> None:
    """Build an image, whether the engine has it or not.

    Raises:
        Problem: A program or a step of its Dockerfile fails.
    """
    with alone(_place(recipe.tag)):
        _build(recipe)


def _build(recipe: Recipe) -> None:
    arguments = {"BASE_IMAGE": ensure_image(recipe.parent), **recipe.arguments}
    context, part = _place(recipe.name), part_of(_place(recipe.name))
    part.mkdir(parents=True)
    for put in recipe.contents:
        put(part)
    modes.normalise(part)
    # Always in the same place, of which BuildKit takes only the files that differ from those of the last build.
    shutil.rmtree(context, ignore_errors=True)
    part.replace(context)
    progress.step(f"building {recipe.tag}")
    docker_images.build(context, recipe.tag, build_args=arguments, labels=_labels(recipe.made_of))
    shutil.rmtree(context)


def _labels(made_of: Definition) -> dict[str, str]:
    parts = {PARTS_LABEL: json.dumps(dict(made_of.parts))} if made_of.parts else {}
    return {INPUTS_LABEL: made_of.digest, **parts}


def _place(name: str) -> Path:
    return paths.BUILD / "context" / name

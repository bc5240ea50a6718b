"""Images built from a folder of kind/ on the base: compilers for programs that link C, and distribution packages."""

from __future__ import annotations

import shutil
from functools import cache, partial
from typing import TYPE_CHECKING

from tasks.engines.files import modes
from tasks.engines.go import cgo
from tasks.images import base, building
from tasks.images.recipe import TAG_LENGTH, Definition, Recipe, content, digest, files
from tasks.settings import images, paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters

# Folder of kind/ whose image compiles programs that link the drivers' library.
CONTROLLER = "controller-cgo"


@cache
def recipe(folder: str, current: Parameters) -> Recipe:
    """Return the recipe for the image of a folder of kind/, computed once.

    Args:
        folder: Name of the folder.
        current: The parameters of the run.
    """
    source = paths.KIND / folder
    header = f"{base.identity(current)} {modes.GIVEN}".encode()
    made_of = Definition(digest([header, *content(source, files(source))]))
    return Recipe(
        tag=f"openkasugai-{folder}:{made_of.digest[:TAG_LENGTH]}",
        parent=images.tag(images.BASE, current),
        contents=(partial(_put, source),),
        define=lambda: made_of,
    )


def compile_with_c(source: cgo.CSource, output: Path, current: Parameters) -> None:
    """Compile a Go program that links the drivers' library.

    Args:
        source: Its source tree, with this one program.
        output: Folder that gets `bin/` with the program and `lib/` with the libraries that the base lacks.
        current: The parameters of the run.

    Raises:
        Problem: It does not compile; the details carry the compiler's output.
    """
    compiler = building.ensure_image(recipe(CONTROLLER, current))
    cgo.build(source, compiler, output, current)


def compiler_digest(current: Parameters) -> str:
    """Return the digest of the image that compiles programs that link the drivers' library."""
    return recipe(CONTROLLER, current).made_of.digest


def _put(source: Path, context: Path) -> None:
    shutil.copytree(source, context, dirs_exist_ok=True)

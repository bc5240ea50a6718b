"""The files that the image of a function is made of: those of its folder, without what is no part of its source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import modes, trees
from tasks.functions import folders
from tasks.problems import Problem
from tasks.settings import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IGNORED = ".dockerignore"
_NO_SOURCE = trees.matching(leftovers.NAMES)
_WILD = re.compile(r"[*?\[]")


def files(name: str) -> list[Path]:
    """Return the files of a function that its Dockerfile may copy, by path; its Dockerfile is one of them.

    Args:
        name: Name of a function.

    Raises:
        Problem: Its folder cannot be read.
    """
    from docker.utils.build import exclude_paths

    root = folders.folder(name)
    try:
        kept = exclude_paths(str(root), _patterns(root), folders.DOCKERFILE)
        return sorted(root / path for path in kept if _is_source(root, path))
    except OSError as error:
        raise Problem(f"{folders.shown(name)}: {error.filename or root}: {error.strerror}") from error


def put(name: str, context: Path) -> None:
    """Copy the files of a function into a build context, with modes that let everybody read them.

    Args:
        name: Name of a function.
        context: The build context.
    """
    root = folders.folder(name)
    for file in files(name):
        modes.copy(file, context / file.relative_to(root))


def copy(name: str, sources: Iterable[str], target: str, root: Path) -> None:
    """Carry out a COPY of a function's Dockerfile.

    Args:
        name: Name of a function.
        sources: Paths in its folder, which may hold `*`, `?` and `[...]`.
        target: Absolute path; a folder if it ends with a slash.
        root: Folder that stands for `/`.

    Raises:
        Problem: There is no such file.
    """
    place = root / target.lstrip("/")
    kept = files(name)
    for source in sources:
        found = dict(_found(folders.folder(name), source, kept))
        if not found and not _WILD.search(source):
            raise Problem(f"{folders.shown(name, folders.DOCKERFILE)}: COPY {source}: {source} is not there")
        for file, (inside, is_alone) in found.items():
            modes.copy(file, place if is_alone and not target.endswith("/") else place / inside)


def _found(folder: Path, source: str, kept: list[Path]) -> Iterator[tuple[Path, tuple[Path, bool]]]:
    """Yield the files that a source names: where each goes below the target, and whether it was named itself."""
    wanted = source.strip("/").removeprefix("./") or "."
    for top in [folder] if wanted == "." else sorted(folder.glob(wanted)):
        for file in kept:
            if file == top:
                yield file, (Path(file.name), True)
            elif file.is_relative_to(top):
                yield file, (file.relative_to(top), False)


def _patterns(root: Path) -> list[str]:
    ignored = root / IGNORED
    lines = ignored.read_text(encoding="utf-8", errors="replace").splitlines() if ignored.is_file() else []
    return [".git", *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]


def _is_source(root: Path, path: str) -> bool:
    if path == IGNORED or any(_NO_SOURCE.fullmatch(part) for part in Path(path).parts):
        return False
    return (root / path).is_symlink() or (root / path).is_file()

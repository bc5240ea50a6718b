"""The folders of work/functions: which are functions, and what is wrong with the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.problems import Problem
from tasks.settings import controller, paths
from tasks.similar import meant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCKERFILE = "Dockerfile"
# What registries take as the name of a repository.
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_LONGEST = 128


@dataclass(frozen=True)
class Wrong:
    """A folder that cannot be built.

    Attributes:
        name: Its name.
        complaint: What is wrong with it, in one line.
    """

    name: str
    complaint: str


def folder(name: str) -> Path:
    """Return the folder of a function."""
    return paths.OWN_FUNCTIONS / name


def shown(name: str, file: str = "") -> str:
    """Return the folder of a function, or a file in it, as messages name it."""
    return f"work/functions/{name}{f'/{file}' if file else ''}"


def is_own(name: str) -> bool:
    """Return whether a folder of this name is to hold a function, whether or not it can be built."""
    return name != "" and not name.startswith(".") and folder(name).is_dir()


def names() -> tuple[str, ...]:
    """Return the names of the functions that can be built, in order."""
    return tuple(name for name in _all() if not _complaint(name))


def unusable() -> tuple[Wrong, ...]:
    """Return the folders that cannot be built."""
    return tuple(Wrong(name, complaint) for name in _all() if (complaint := _complaint(name)))


def declared() -> frozenset[str]:
    """Return the names that have a task: the user's functions, built or not, and those of the controller's source."""
    return frozenset([*_all(), *(image.name for image in controller.FUNCTION_IMAGES)])


def is_declared(name: str) -> bool:
    """Return whether a name has a task."""
    return is_own(name) or any(image.name == name for image in controller.FUNCTION_IMAGES)


def complaint(name: str) -> str:
    """Return why there is no function of a name that can be built; empty if there is."""
    if is_own(name):
        return _complaint(name)
    instead = meant(name, sorted(declared()))
    return f"image {name}: neither a folder of work/functions nor an image of the controller's source{instead}"


def require(name: str) -> None:
    """Refuse a folder that cannot be built.

    Args:
        name: Its name.

    Raises:
        Problem: One line with what is wrong with it.
    """
    if found := complaint(name):
        raise Problem(found)


def _all() -> list[str]:
    return sorted(_folders())


def _folders() -> Iterator[str]:
    try:
        entries = list(paths.OWN_FUNCTIONS.iterdir())
    except OSError:
        return
    yield from (each.name for each in entries if is_own(each.name))


def _complaint(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        return (
            f"{shown(name)}: {name!r} cannot be the name of an image; use lower-case letters and digits, with "
            "single . _ or - between them"
        )
    return "" if (folder(name) / DOCKERFILE).is_file() else f"{shown(name)}: has no {DOCKERFILE}"

"""What an image is made of: the one type for images of nodes, the controller, functions and add-ons."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.engines.files import modes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

# Documentation, which is no part of a node image.
_NOT_COPIED = shutil.ignore_patterns("*.md")
# Number of the digest's digits in the tag of an image that is named by its inputs.
TAG_LENGTH = 12


@dataclass(frozen=True)
class Pulled:
    """A parent that is pulled by its full name."""

    reference: str


@dataclass(frozen=True)
class Definition:
    """What identifies an image.

    Attributes:
        digest: SHA-256 of everything it is made of.
        parts: The same in words that a user knows, if the image carries them.
    """

    digest: str
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How an image is made.

    Attributes:
        tag: Its full name in the engine.
        parent: What it starts from: an existing image, one to pull, or one to build first.
        contents: Functions that put the parts into the build context, in this order; they also compile programs.
        define: Returns what it is made of. It is called once, and by a build only after its programs are compiled,
            because the Go that compiles them is a part of the definition.
        arguments: Build arguments in addition to BASE_IMAGE.
    """

    tag: str
    parent: str | Pulled | Recipe
    contents: tuple[Callable[[Path], None], ...]
    define: Callable[[], Definition]
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The repository of its tag."""
        return self.tag.partition(":")[0]

    @cached_property
    def made_of(self) -> Definition:
        """What identifies it."""
        return self.define()


def digest(content: Iterable[bytes]) -> str:
    """Return the SHA-256 of what an image is made of."""
    hasher = hashlib.sha256()
    for part in content:
        hasher.update(part)
    return hasher.hexdigest()


def files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files and links below a folder."""
    if path.is_symlink() or path.is_file():
        yield path
    else:
        yield from (inner for inner in path.rglob("*") if inner.is_symlink() or inner.is_file())


def content(root: Path, found: Iterable[Path]) -> Iterator[bytes]:
    """Yield names, contents and execute permissions; a link counts as its target, if that exists."""
    for file in sorted(set(found)):
        mode = "x" if modes.is_executable(file) else "-"
        inside = file.read_bytes() if file.is_file() else str(file.readlink()).encode()
        yield f"{os.path.relpath(file, root)}\0{mode}\0{len(inside)}\0".encode()
        yield inside


def tree(folder: Path) -> dict[str, list[str]]:
    """Return digest and mode of each file of a folder that `put_folder` copies."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".md")
    return {
        path.relative_to(folder).as_posix(): [digest([path.read_bytes()]), "x" if modes.is_executable(path) else "-"]
        for path in found
    }


def put_folder(source: Path, target: str, context: Path) -> None:
    """Copy a folder into a build context, without its documentation.

    Args:
        source: The folder.
        target: Where it goes in the context, `.` for the context itself.
        context: The build context.
    """
    shutil.copytree(source, context / target, ignore=_NOT_COPIED, dirs_exist_ok=True)

"""A stage of a Dockerfile that does nothing but compile Go programs: it is compiled here, without an image with Go.

Whatever else a stage does, it is built as it is.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.archive import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.archive.instructions import Instruction

_GO = "golang"
# Where stages of that image begin.
_HOME = "/go"
_FILLED = frozenset({"COPY", "WORKDIR", "ARG", "ENV", "LABEL", "RUN"})
# What the programs are compiled with here, or what has no meaning here.
_SETTINGS = re.compile(r"CGO_ENABLED=0|GOOS=\S*|GOARCH=\S*|GO111MODULE=\S*|GOCACHE=\S*|GOMODCACHE=\S*|GOTOOLCHAIN=\S*")
_FLAGS = frozenset({"-a", "-v", "-x", "-trimpath"})
_LINKER = frozenset({"-s", "-w"})
_BUILD = ("go", "build")
_MODULES = ("go", "mod")
_MOUNTED = re.compile(r"--(?:mount|network|security)=\S+\s+")


@dataclass(frozen=True)
class Copied:
    """A COPY from the build context.

    Attributes:
        sources: Paths in the context.
        target: Absolute path in the stage; a folder if it ends with a slash.
    """

    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Program:
    """A Go program that a stage compiles.

    Attributes:
        copies: What the stage copies before it compiles.
        folder: Absolute path of the folder in which it compiles.
        package: What it compiles, relative to that.
        output: Absolute path of the program.
    """

    copies: tuple[Copied, ...]
    folder: str
    package: str
    output: str


class _OtherwiseBuiltError(Exception):
    """The stage does something else."""


def programs(parent: str, steps: Iterable[Instruction]) -> tuple[Program, ...]:
    """Return the Go programs of a stage that does nothing but compile them; none for any other stage.

    Args:
        parent: The image that the stage starts from.
        steps: Its instructions.
    """
    if facts.image_name(parent) != _GO:
        return ()
    try:
        return tuple(_programs(steps))
    except _OtherwiseBuiltError:
        return ()


def _programs(steps: Iterable[Instruction]) -> Iterator[Program]:
    folder = _HOME
    copied: list[Copied] = []
    for step in steps:
        if step.word not in _FILLED or "<<" in step.rest:
            raise _OtherwiseBuiltError
        if step.word == "WORKDIR":
            folder = posixpath.join(folder, step.rest)
        elif step.word == "COPY":
            copied.append(_copy(step.rest, folder))
        elif step.word == "ENV":
            _require_settings(_words(step.rest))
        elif step.word == "RUN":
            for package, output in _compiled(step.rest):
                yield Program(tuple(copied), folder, package, posixpath.normpath(posixpath.join(folder, output)))


def _copy(rest: str, folder: str) -> Copied:
    *sources, target = rest.split() or [""]
    if not sources or any(word.startswith(("--", "[", "$")) for word in (*sources, target)):
        raise _OtherwiseBuiltError
    place = posixpath.normpath(posixpath.join(folder, target))
    is_folder = target.endswith(("/", ".")) or len(sources) > 1
    return Copied(tuple(sources), f"{place.rstrip('/')}/" if is_folder else place)


def _compiled(rest: str) -> Iterator[tuple[str, str]]:
    """Yield package and output of each `go build` of a RUN."""
    for command in re.split(r"&&|;", _MOUNTED.sub("", rest)):
        words = _words(command)
        while words and "=" in words[0]:
            _require_settings(words[:1])
            words = words[1:]
        if tuple(words[:2]) == _BUILD:
            yield _built(words[2:])
        elif tuple(words[:2]) != _MODULES:
            raise _OtherwiseBuiltError


def _built(words: list[str]) -> tuple[str, str]:
    output, packages = "", []
    rest = iter(words)
    for word in rest:
        if word == "-o":
            output = next(rest, "")
        elif word.startswith("-ldflags"):
            flags = word.partition("=")[2] or next(rest, "")
            if not {*flags.split()} <= _LINKER:
                raise _OtherwiseBuiltError
        elif not word.startswith("-"):
            packages.append(word)
        elif word not in _FLAGS:
            raise _OtherwiseBuiltError
    if not output or output.endswith(("/", ".")) or len(packages) > 1:
        raise _OtherwiseBuiltError
    return (packages or ["."])[0], output


def _require_settings(words: Iterable[str]) -> None:
    if not all(_SETTINGS.fullmatch(word) for word in words):
        raise _OtherwiseBuiltError


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise _OtherwiseBuiltError from error

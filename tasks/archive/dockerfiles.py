"""Reads Dockerfiles of the controller's archive: what they copy, and how they make a Go program.

The originals start from images of registries and download during the build. The parts that matter are read here, so
that the same program is compiled with the pinned toolchain and put on the base image that everything else starts from.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.archive import instructions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMPILED = re.compile(r"\bgo build\b.*?\s-o\s+(?P<output>\S+)\s+(?P<package>\S+)")
_WITH_C = "CGO_ENABLED=1"
# Instructions of the last stage that concern the running program; the others prepare the compiler.
_RUNTIME = frozenset({"USER", "ENTRYPOINT", "CMD"})
# A Dockerfile that lets its base be chosen is built as it is.
_BASE_ARGUMENT = "BASE_IMAGE"
PROGRAMS = "bin"
LIBRARIES = "lib"
_LIBRARIES_IN_IMAGE = "/usr/local/lib/openkasugai"


@dataclass(frozen=True)
class Copied:
    """A COPY instruction.

    Attributes:
        sources: What is copied, as paths in the context.
        target: Absolute path in the stage; a folder if it ends with a slash.
        stage: The stage it is copied from; empty for the context.
    """

    sources: tuple[str, ...]
    target: str
    stage: str = ""


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile: its name, what it starts from, and its instructions as keyword and arguments."""

    name: str
    parent: str
    instructions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GoProgram:
    """A Go program that a Dockerfile compiles.

    Attributes:
        copies: The COPY instructions that assemble its source tree.
        module: Absolute path of the folder of its go.mod, in the stage that compiles it.
        package: What is compiled, relative to `module`.
        output: Absolute path of the program.
        with_c: Whether it links C libraries.
    """

    copies: tuple[Copied, ...]
    module: str
    package: str
    output: str
    with_c: bool

    @property
    def name(self) -> str:
        """File name of the program."""
        return posixpath.basename(self.output)


def stages(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile."""
    found: list[Stage] = []
    for word, rest in _instructions(text):
        if word == "FROM":
            parent, _, name = re.sub(r"\s+as\s+", " as ", rest, flags=re.IGNORECASE).partition(" as ")
            found.append(Stage(name or str(len(found)), parent, ()))
        elif found:
            last = found[-1]
            found[-1] = Stage(last.name, last.parent, (*last.instructions, (word, rest)))
    return found


def lets_base_be_chosen(text: str) -> bool:
    """Return whether a Dockerfile starts from the image that a build argument names."""
    return any(word == "ARG" and rest.partition("=")[0] == _BASE_ARGUMENT for word, rest in _instructions(text))


def copies(stage: Stage) -> list[Copied]:
    """Return the COPY instructions of a stage, with absolute targets."""
    return [copied for _, copied in _walk(stage) if isinstance(copied, Copied)]


def go_program(text: str) -> GoProgram | None:
    """Return the Go program that a Dockerfile compiles, or None if it compiles none."""
    for stage in stages(text):
        for folder, step in _walk(stage):
            found = _COMPILED.search(step) if isinstance(step, str) else None
            if found and isinstance(step, str):
                output = posixpath.join(folder, found["output"])
                copied = tuple(each for each in copies(stage) if not each.stage)
                return GoProgram(copied, folder, found["package"], output, _WITH_C in step)
    return None


def runtime_copies(text: str, program: GoProgram | None) -> list[Copied]:
    """Return what the last stage copies from the context, apart from the program's source."""
    found = stages(text)
    single = program is not None and len(found) == 1
    return [] if single else [copied for copied in copies(found[-1]) if not copied.stage]


def on_base(text: str, program: GoProgram | None) -> str:
    """Return a Dockerfile that puts the compiled program, set up as in the last stage, on the chosen base.

    Without a program, the last stage installs packages, which the base already has; its instructions from the first
    COPY on are kept.
    """
    last = stages(text)[-1]
    lines = [f"ARG {_BASE_ARGUMENT}", f"FROM ${{{_BASE_ARGUMENT}}}"]
    if program is None:
        return "\n".join([*lines, *_lines_from_first_copy(last)]) + "\n"
    if program.with_c:
        lines += [f"COPY {LIBRARIES}/ {_LIBRARIES_IN_IMAGE}/", f"ENV LD_LIBRARY_PATH={_LIBRARIES_IN_IMAGE}"]
    if len(stages(text)) == 1:
        lines += [f"WORKDIR {program.module}", f"COPY {PROGRAMS}/{program.name} {program.output}"]
    lines += _last_lines(last, program, single=len(stages(text)) == 1)
    return "\n".join(lines) + "\n"


def _last_lines(stage: Stage, program: GoProgram, *, single: bool) -> Iterator[str]:
    for word, rest in stage.instructions:
        if word in _RUNTIME or (word == "WORKDIR" and not single):
            yield f"{word} {rest}"
        elif word == "COPY" and not single:
            copied = _copied(rest, "/")
            taken = rest if not copied.stage else f"{PROGRAMS}/{program.name} {rest.split()[-1]}"
            yield f"COPY {taken}"


def _lines_from_first_copy(stage: Stage) -> Iterator[str]:
    copied = False
    for word, rest in stage.instructions:
        copied = copied or word == "COPY"
        if word in _RUNTIME or word in {"WORKDIR", "ENV"} or copied:
            yield f"{word} {rest}"


def _walk(stage: Stage) -> Iterator[tuple[str, Copied | str]]:
    """Yield the COPY and RUN instructions of a stage, each with its working directory."""
    folder = "/"
    for word, rest in stage.instructions:
        if word == "WORKDIR":
            folder = posixpath.join(folder, rest)
        elif word == "COPY":
            yield folder, _copied(rest, folder)
        elif word == "RUN":
            yield folder, rest


def _copied(rest: str, folder: str) -> Copied:
    words = rest.split()
    options = [word for word in words if word.startswith("--")]
    *sources, target = (word for word in words if not word.startswith("--"))
    stage = next((option.partition("=")[2] for option in options if option.startswith("--from=")), "")
    return Copied(tuple(sources), _absolute(folder, target, sources), stage)


def _absolute(folder: str, target: str, sources: Sequence[str]) -> str:
    is_folder = target.endswith(("/", ".")) or len(sources) > 1
    joined = posixpath.normpath(posixpath.join(folder, target))
    return f"{joined.rstrip('/')}/" if is_folder else joined


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    return ((each.word, each.rest) for each in instructions.read(text))

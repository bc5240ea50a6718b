"""The Dockerfile of a function: what its stages start from, and the same Dockerfile with that put in its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.archive import instructions
from tasks.functions import folders, go_stage
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.archive.instructions import Instruction
    from tasks.functions.go_stage import Program

BASE_IMAGE = "BASE_IMAGE"
# The folder of a build context with what Go stages would hold, one folder for each.
COMPILED = ".compiled"
_NOTHING = "scratch"
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_FROM = re.compile(r"(?P<options>(?:--\S+\s+)*)(?P<parent>\S+)(?:\s+[aA][sS]\s+(?P<name>\S+))?")
_COPIED_FROM = re.compile(r"--from=(?P<name>\S+)")
_FRONTEND = re.compile(r"#\s*syntax\s*=\s*(?P<name>\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Stage:
    """A stage of a Dockerfile.

    Attributes:
        name: Its name, or its number if it has none.
        parent: The image that it starts from, with the values of build arguments.
        is_on_base: Whether that is the one of BASE_IMAGE.
        opening: Its FROM.
        steps: Its other instructions.
    """

    name: str
    parent: str
    is_on_base: bool
    opening: Instruction
    steps: tuple[Instruction, ...]

    @property
    def last(self) -> int:
        """Number of its last line."""
        return self.steps[-1].last if self.steps else self.opening.last


@dataclass(frozen=True)
class Base:
    """An image that a Dockerfile takes from elsewhere.

    Attributes:
        name: Its name.
        line: Number of the line that names it.
        words: What that line says.
    """

    name: str
    line: int
    words: str


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile.

    Attributes:
        file: The file, as messages name it.
        text: Its content.
    """

    file: str
    text: str

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Its stages, in order.

        Raises:
            Problem: It has none, or one starts from an image without a name.
        """
        read = instructions.read(self.text)
        starts = [number for number, each in enumerate(read) if each.word == "FROM"]
        if not starts:
            raise Problem(f"{self.file}: has no FROM")
        arguments = dict(_defaults(read[: starts[0]]))
        ends = [*starts[1:], len(read)]
        found = zip(starts, ends, strict=True)
        return tuple(
            self._stage(number, read[start], tuple(read[start + 1 : end]), arguments)
            for number, (start, end) in enumerate(found)
        )

    @cached_property
    def compiled(self) -> Mapping[str, tuple[Program, ...]]:
        """The programs of the stages that do nothing but compile Go, by the stage's number; the last stage is none."""
        found = {}
        for number, stage in enumerate(self.stages[:-1]):
            programs = go_stage.programs(stage.parent, stage.steps)
            outputs = {program.output for program in programs}
            if programs and self._is_only_copied(number, stage, outputs):
                found[str(number)] = programs
        return found

    @property
    def is_on_base(self) -> bool:
        """Whether a stage starts from the image of BASE_IMAGE."""
        return any(stage.is_on_base for stage in self.stages)

    @cached_property
    def bases(self) -> tuple[Base, ...]:
        """The images that it takes from elsewhere, in the order of their lines: all but BASE_IMAGE."""
        return tuple(self._bases())

    def takes(self, file: str) -> bool:
        """Return whether a COPY names a file of the build context."""
        steps = (step for stage in self.stages for step in stage.steps if step.word == "COPY" and not _source(step))
        return any(file in _copied(step) for step in steps)

    def with_bases(self, names: Mapping[str, str]) -> str:
        """Return its text for a context in which the Go programs are compiled.

        Args:
            names: What is taken in place of an image that it names.
        """
        lines = self.text.splitlines()
        for number, stage in reversed(list(enumerate(self.stages))):
            if str(number) in self.compiled:
                name = "" if stage.name == str(number) else f" AS {stage.name}"
                found = [f"FROM {_NOTHING}{name}", f"COPY {COMPILED}/{number}/ /"]
                lines[stage.opening.first - 1 : stage.last] = found
                continue
            for each in (*reversed(stage.steps), stage.opening):
                lines[each.first - 1 : each.last] = self._replaced(each, lines[each.first - 1 : each.last], names)
        return "\n".join(lines) + "\n"

    def _stage(
        self, number: int, opening: Instruction, steps: tuple[Instruction, ...], arguments: Mapping[str, str]
    ) -> Stage:
        match = _FROM.fullmatch(opening.rest)
        words = f"{self.file}:{opening.first}: FROM {opening.rest}"
        if match is None:
            raise Problem(f"{words}: is not FROM <image> [AS <name>]")
        asked = {found["braced"] or found["plain"] for found in _VARIABLE.finditer(match["parent"])}
        is_on_base = BASE_IMAGE in asked
        if is_on_base and BASE_IMAGE not in arguments:
            raise Problem(f"{words}: write ARG {BASE_IMAGE} before the first FROM")
        parent = _expanded(match["parent"], arguments)
        if not parent and not is_on_base:
            raise Problem(f"{words}: names no image")
        return Stage(match["name"] or str(number), parent, is_on_base, opening, steps)

    def _is_only_copied(self, number: int, stage: Stage, outputs: set[str]) -> bool:
        """Return whether other stages take nothing from a stage but what it compiles."""
        later = self.stages[number + 1 :]
        if any(other.parent.lower() == stage.name.lower() for other in later):
            return False
        steps = [step for other in later for step in other.steps]
        names = {stage.name.lower(), str(number)}
        if any(f"from={name}" in step.rest.lower() for step in steps if step.word == "RUN" for name in names):
            return False
        taken = [step for step in steps if step.word == "COPY" and _source(step).lower() in names]
        return bool(taken) and all(set(_copied(step)) <= outputs for step in taken)

    def _bases(self) -> Iterator[Base]:
        frontend = _FRONTEND.match(self.text)
        if frontend:
            yield Base(frontend["name"], 1, f"syntax={frontend['name']}")
        earlier: set[str] = set()
        for number, stage in enumerate(self.stages):
            if str(number) not in self.compiled:
                is_elsewhere = stage.parent.lower() not in {*earlier, _NOTHING}
                if is_elsewhere and not stage.is_on_base:
                    yield Base(stage.parent, stage.opening.first, f"FROM {stage.opening.rest}")
                for step in stage.steps:
                    source = _source(step) if step.word == "COPY" else ""
                    if source and source.lower() not in earlier and not source.isdigit() and "$" not in source:
                        yield Base(source, step.first, f"COPY {step.rest}")
            earlier.add(stage.name.lower())

    def _replaced(self, step: Instruction, lines: list[str], names: Mapping[str, str]) -> list[str]:
        if step.word == "FROM":
            match = _FROM.fullmatch(step.rest)
            parent = next(stage.parent for stage in self.stages if stage.opening == step)
            if match and parent in names:
                name = f" AS {match['name']}" if match["name"] else ""
                return [f"FROM {match['options']}{names[parent]}{name}"]
        if step.word == "COPY" and _source(step) in names:
            return [_COPIED_FROM.sub(f"--from={names[_source(step)]}", line, count=1) for line in lines]
        return lines


def of(name: str) -> Dockerfile:
    """Return the Dockerfile of a function.

    Args:
        name: Name of a function.

    Raises:
        Problem: There is none that can be read.
    """
    folders.require(name)
    path = folders.folder(name) / folders.DOCKERFILE
    shown = folders.shown(name, folders.DOCKERFILE)
    try:
        return Dockerfile(shown, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Problem(f"{shown}: is not UTF-8: {error.reason}") from error
    except OSError as error:
        raise Problem(f"{shown}: {error.strerror}") from error


def _defaults(steps: Sequence[Instruction]) -> Iterator[tuple[str, str]]:
    for step in steps:
        if step.word == "ARG":
            for word in step.rest.split():
                name, _, value = word.partition("=")
                yield name, value.strip("\"'")


def _expanded(words: str, arguments: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return arguments.get(found["braced"] or found["plain"]) or found["default"] or ""

    return _VARIABLE.sub(value, words).strip("\"'")


def _source(step: Instruction) -> str:
    """Return the stage or image that a COPY takes files from; empty for the build context."""
    found = _COPIED_FROM.search(step.rest)
    return found["name"] if found else ""


def _copied(step: Instruction) -> list[str]:
    return [word for word in step.rest.split() if not word.startswith("--")][:-1]

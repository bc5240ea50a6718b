"""The instructions of a Dockerfile, each with the lines that it is written on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE_DOCUMENT = re.compile(r"(?:^|\s)\d*<<(?P<indented>-?)(?P<quote>[\"']?)(?P<end>\w+)(?P=quote)(?=\s|$)")
_WITH_HERE_DOCUMENTS = frozenset({"RUN", "COPY", "ADD"})


@dataclass(frozen=True)
class Instruction:
    """An instruction of a Dockerfile.

    Attributes:
        word: Its keyword, in capital letters.
        rest: Its arguments on one line, without the texts of here-documents.
        first: Number of its first line, from 1.
        last: Number of its last line.
    """

    word: str
    rest: str
    first: int
    last: int


@lru_cache(maxsize=64)
def read(text: str) -> tuple[Instruction, ...]:
    """Return the instructions of a Dockerfile, in order; a run asks for those of the same few many times."""
    return tuple(_read(text.splitlines()))


def _read(lines: list[str]) -> Iterator[Instruction]:
    number = 0
    while number < len(lines):
        first = number
        written, number = _whole(lines, number)
        word, _, rest = written.partition(" ")
        if not word:
            continue
        if word.upper() in _WITH_HERE_DOCUMENTS:
            number = _after_here_documents(lines, number, rest)
        yield Instruction(word.upper(), rest, first + 1, number)


def _whole(lines: list[str], number: int) -> tuple[str, int]:
    """Return an instruction without its line breaks and comments, and the number of the line after it."""
    parts: list[str] = []
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if line.startswith("#") or (parts and not line):
            if not parts:
                break
            continue
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            break
    return " ".join(" ".join(parts).split()), number


def _after_here_documents(lines: list[str], number: int, rest: str) -> int:
    """Return the number of the line after the here-documents of an instruction."""
    for each in _HERE_DOCUMENT.finditer(rest):
        while number < len(lines):
            line = lines[number].lstrip("\t") if each["indented"] else lines[number]
            number += 1
            if line == each["end"]:
                break
    return number

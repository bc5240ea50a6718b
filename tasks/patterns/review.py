"""What is wrong with the files of a pattern as they are now, before anything of it is deployed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tasks.patterns import known, objects, places, references

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.patterns.model import Pattern
    from tasks.patterns.objects import Item


def complaints(pattern: Pattern) -> list[str]:
    """Return what is wrong with the files of a pattern, one line each.

    A pattern whose files are not all there is not looked at: they may still be in the controller's archive.

    Args:
        pattern: The pattern.
    """
    files = places.files(pattern)
    if not files or len(files) < len(places.names_of_files(pattern)):
        return []
    items, wrong = _read(files)
    if wrong:
        return wrong
    others = _others(pattern) if pattern.is_own else []
    return [*references.complaints(pattern, items), *references.clashes(items, others)]


def items(pattern: Pattern) -> list[Item]:
    """Return the objects in the files of a pattern, as far as they are there and can be read.

    Args:
        pattern: The pattern.
    """
    return _read(places.files(pattern))[0]


def _others(pattern: Pattern) -> list[Item]:
    """Return the objects of all other patterns, as far as they can be read; a twin's are those of its pattern."""
    by_file = {each.file: each for each in known.patterns() if each.file != pattern.file}
    mine = places.folder(pattern)
    return [item for each in by_file.values() if places.folder(each) != mine for item in _read(places.files(each))[0]]


def _read(files: dict[str, Path]) -> tuple[list[Item], list[str]]:
    items: list[Item] = []
    wrong: list[str] = []
    for file, path in files.items():
        try:
            stat = path.stat()
            of_it, faults = _objects(file, path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError as error:
            of_it, faults = [], [f"{file}: {error.strerror}"]
        items += of_it
        wrong += faults
    return items, wrong


@cache
def _objects(file: str, path: Path, _stamp: tuple[int, ...]) -> tuple[list[Item], list[str]]:
    """Return the objects of a file; it is read once for as long as it does not change."""
    return objects.read(file, path.read_bytes())

"""Where the files of a pattern are: in the controller's source, or beside its pattern.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tasks.patterns import index, marks
from tasks.settings import controller as source
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.patterns.marks import Place
    from tasks.patterns.model import Pattern

# The files of a pattern, in the manual's order of registration.
FILES = ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml", "df-cpufunc.yaml")


def folder(pattern: Pattern) -> Path:
    """Return the folder with the files of a pattern: in the controller's source, or beside its pattern.yaml."""
    if pattern.folder:
        return paths.source() / source.SCENARIOS / pattern.folder
    return (paths.OWN_PATTERNS if pattern.is_own else paths.PATTERNS) / pattern.home


def shown_folder(pattern: Pattern) -> str:
    """Return the folder with the files of a pattern, as messages name it."""
    return f"{source.SCENARIOS}/{pattern.folder}" if pattern.folder else pattern.file.rpartition("/")[0]


def names_of_files(pattern: Pattern) -> tuple[str, ...]:
    """Return the names of the files of a pattern, in the order of registration.

    A user's own may have any names; each object in them is known by its kind.
    """
    if pattern.folder:
        return FILES
    own = {file.name for file in folder(pattern).glob("*.yaml")} - {index.FILE}
    return (*(file for file in FILES if file in own), *sorted(own - {*FILES}))


def files(pattern: Pattern) -> dict[str, Path]:
    """Return the files of a pattern that are there, by their names as messages have them.

    Args:
        pattern: The pattern.
    """
    found = {name: folder(pattern) / name for name in names_of_files(pattern)}
    return {f"{shown_folder(pattern)}/{name}": path for name, path in found.items() if path.is_file()}


def located(pattern: Pattern, place: Place, reason: str) -> str:
    """Return a complaint about a field of a pattern.yaml, with the line that it has now.

    Args:
        pattern: The pattern.
        place: The field.
        reason: What is wrong with it.
    """
    file = (paths.OWN_PATTERNS if pattern.is_own else paths.PATTERNS) / pattern.home / index.FILE
    node = yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader)
    return marks.located(pattern.file, marks.lines(node) if node else {}, place, reason)

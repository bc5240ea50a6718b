"""Makes a pattern of the user's own from another one, under names of its own, so that it runs at once as it is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import yaml

from tasks import progress
from tasks.controller.kinds import DATA_FLOW, function_name
from tasks.engines.files import atomic
from tasks.patterns import commented, index, known, places
from tasks.patterns.model import TWIN
from tasks.problems import Problem
from tasks.scenarios import renaming
from tasks.settings import paths
from tasks.similar import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.patterns.model import Pattern
    from tasks.scenarios.renaming import Given

_SHOWN = "work/patterns"
# What Kubernetes allows in the name of a Service and in the value of a label.
_LONGEST = 63


def make(source: str, name: str) -> None:
    """Make a pattern.

    Args:
        source: The pattern that it is made from; empty for the first one.
        name: Its name.

    Raises:
        Problem: The name cannot be used, or the other pattern's files cannot. Nothing is written then.
    """
    _require_name(name)
    pattern = _pattern(source)
    content = contents(pattern, name)
    _require_alone(content)
    _write(name, content)
    known.forget()
    progress.line(f"{_SHOWN}/{name}: made from {pattern.home}; its DataFlow is {known.named(name).dataflow}")
    runs = (f"./doit dataflow:{each}" for each in (name, f"{name}{TWIN}") if each in known.table().by_name)
    progress.line(f"It runs as it is: {' or '.join(runs)}")


def contents(pattern: Pattern, name: str) -> dict[str, str]:
    """Return the text of each file of a new pattern.

    Args:
        pattern: The pattern that it is made from.
        name: Name of the new one.

    Raises:
        Problem: A file is not there or not YAML, or a name would be too long.
    """
    texts = _texts(pattern)
    given = _given(texts, places.shown_folder(pattern))
    names = _names(pattern, given, name)
    dataflow = names[DATA_FLOW.name][pattern.dataflow]
    _require_short(pattern, dataflow)
    text = commented.copied(_text(_home(pattern) / index.FILE, pattern.file), dataflow)
    own = {index.FILE: text if pattern.is_own else commented.commented(text)}
    return own | {file: renaming.rename(text, names) for file, text in texts.items()}


def _names(pattern: Pattern, given: Iterable[Given], name: str) -> dict[str, dict[str, str]]:
    """Return the new name of everything in a pattern's files, by kind and old name."""
    stem = renaming.stem([pattern.dataflow, *(each.name for each in given)])
    names = {DATA_FLOW.name: {pattern.dataflow: renaming.renamed(pattern.dataflow, stem, name)}}
    for each in given:
        names.setdefault(each.kind, {})[each.name] = renaming.renamed(each.name, stem, name)
    return names


def _pattern(source: str) -> Pattern:
    if not source:
        return known.patterns()[0]
    table = known.table()
    names = [*table.by_name, *(wrong.name for wrong in table.wrong)]
    if source not in names:
        instead = meant(source, names) or f"; there are {', '.join(names)}"
        raise Problem(f"--from {source}: no such pattern{instead}")
    return known.named(source)


def _require_name(name: str) -> None:
    if not name:
        raise Problem("new_pattern: has no name", hint="./doit new_pattern --name mine")
    if not index.is_name(name):
        raise Problem(f"--name {name}: cannot be the name of tasks; use lower-case letters, digits and hyphens")
    names = {each: pattern.file for each, pattern in known.table().by_name.items()}
    for each in (name, f"{name}{TWIN}"):
        if each in names:
            raise Problem(f"--name {name}: the name {each} is that of {names[each]}")
    if os.path.lexists(paths.OWN_PATTERNS / name):
        raise Problem(f"--name {name}: {_SHOWN}/{name} is there already")


def _require_short(pattern: Pattern, dataflow: str) -> None:
    longest = max((f"{function_name(dataflow, hop.key)}-service" for hop in pattern.hops), key=len)
    if len(longest) > _LONGEST:
        raise Problem(f"--name: too long by {len(longest) - _LONGEST}: the Service would be {longest}")


def _require_alone(content: Mapping[str, str]) -> None:
    """Stop if something in the new files has the name of something in those of another pattern."""
    new = renaming.given(text for file, text in content.items() if file != index.FILE)
    dataflows = {given.name for given in new if given.kind == DATA_FLOW.name}
    for pattern in (each for each in known.patterns() if each.name == each.home):
        if pattern.dataflow in dataflows:
            raise Problem(f"--name: DataFlow {pattern.dataflow} would be that of {pattern.file} too")
        shared = sorted(str(each) for each in new & _given_in(pattern))
        if shared:
            raise Problem(f"--name: {shared[0]} would be in the files of {pattern.name} too")


def _given_in(pattern: Pattern) -> set[Given]:
    """Return the names in the files of a pattern; nothing if they cannot be read, which is said where it is used."""
    try:
        return _given(_texts(pattern), places.shown_folder(pattern))
    except Problem:
        return set()


def _given(texts: Mapping[str, str], folder: str) -> set[Given]:
    return {name for file, text in texts.items() for name in _given_by(text, f"{folder}/{file}")}


def _given_by(text: str, shown: str) -> set[Given]:
    try:
        return renaming.given([text])
    except yaml.YAMLError as error:
        raise Problem(f"{shown}: not YAML: {' '.join(str(error).split())}") from error


def _texts(pattern: Pattern) -> dict[str, str]:
    folder, shown = places.folder(pattern), places.shown_folder(pattern)
    return {file: _text(folder / file, f"{shown}/{file}") for file in places.names_of_files(pattern)}


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise Problem(f"{shown}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Problem(f"{shown}: is not UTF-8: {error.reason}") from None


def _home(pattern: Pattern) -> Path:
    return (paths.OWN_PATTERNS if pattern.is_own else paths.PATTERNS) / pattern.home


def _write(name: str, content: Mapping[str, str]) -> None:
    """Write the files into a folder that is no pattern until it is complete."""
    beside = paths.OWN_PATTERNS / f".new-{name}"
    if beside.is_dir():
        shutil.rmtree(beside)  # of a run that was killed
    for file, text in content.items():
        atomic.write(beside / file, text)
    beside.rename(paths.OWN_PATTERNS / name)

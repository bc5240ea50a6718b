"""The files of the patterns that can run here, for users who register them by hand: build/scenarios/<pattern>/.

They are those of the controller's source with the images of this installation; its placement of functions is in the
cluster already. They are written anew whenever their content changes, so changes by hand belong into a copy.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts
from tasks.engines.files import atomic
from tasks.patterns import known
from tasks.scenarios import files, needs
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

# Which files are there of this tool's making, one in a line.
_RECORD = ".written"


def lack() -> Lack:
    """Return which files are missing or differ, and which patterns can no longer run here.

    Raises:
        Problem: The controller's source is not there.
    """
    chosen = parameters.current()
    return lack_of(wanted(needs.runnable(needs.machine(chosen)), chosen))


def write() -> None:
    """Write the files of all patterns that can run here.

    Raises:
        Problem: The controller's source lacks something, or a file cannot be written.
    """
    chosen = parameters.current()
    keep(wanted(needs.runnable(needs.machine(chosen)), chosen))


def wanted(names: Iterable[str], chosen: Parameters) -> dict[Path, str]:
    """Return the text of each file of patterns.

    Args:
        names: The patterns.
        chosen: The parameters of the run.

    Raises:
        Problem: The controller's source lacks something.
    """
    return {
        paths.SCENARIOS / scenario.pattern.name / file: text
        for scenario in files.of_source(map(known.named, names), chosen)
        for file, text in scenario.texts().items()
    }


def lack_of(texts: dict[Path, str]) -> Lack:
    """Return which of these files are missing or differ, and what an earlier run wrote beside them.

    Args:
        texts: The text of each file.
    """
    changed = [path for path, text in texts.items() if atomic.text(path) != text]
    return lacks.of(
        *(f"{facts.shown(path)}: another text" for path in changed),
        *(f"{facts.shown(path)}: no file of its pattern any more" for path in _former(texts)),
        *(f"{facts.shown(folder)}: cannot run here any more" for folder in _others(texts)),
    )


def keep(texts: dict[Path, str]) -> None:
    """Write these files, and remove what earlier runs wrote beside them; what others put there stays.

    Args:
        texts: The text of each file.

    Raises:
        Problem: A file cannot be written.
    """
    # A run that ends here or later leaves nothing of which the next one does not know.
    _record({*texts, *_written()})
    for folder in _others(texts):
        shutil.rmtree(folder)
    for path in _former(texts):
        path.unlink(missing_ok=True)
    for path, text in texts.items():
        if atomic.text(path) != text:
            atomic.write(path, text)
    _record({*texts})
    folders = {path.parent for path in texts}
    progress.line(f"{facts.shown(paths.SCENARIOS)}: the files of {len(folders)} patterns")


def _others(texts: dict[Path, str]) -> list[Path]:
    """Return the folders of patterns, written by an earlier run, that none of these files is in."""
    known_names = (paths.SCENARIOS / name for name in known.table().by_name)
    folders = dict.fromkeys([*known_names, *(path.parent for path in sorted(_written()))])
    return [folder for folder in folders if folder.is_dir() and folder not in {path.parent for path in texts}]


def _former(texts: dict[Path, str]) -> list[Path]:
    """Return the files, written by an earlier run, that a pattern of these files does not have any more."""
    folders = {path.parent for path in texts}
    return [path for path in sorted(_written() - {*texts}) if path.parent in folders and path.is_file()]


def _written() -> set[Path]:
    """Return the files that earlier runs wrote: those of patterns that are gone are known by this alone."""
    lines = (atomic.text(paths.SCENARIOS / _RECORD) or "").splitlines()
    return {paths.SCENARIOS / line for line in lines if line.count("/") == 1 and ".." not in line.split("/")}


def _record(written: set[Path]) -> None:
    lines = sorted(path.relative_to(paths.SCENARIOS).as_posix() for path in written)
    text = "".join(f"{line}\n" for line in lines)
    if atomic.text(paths.SCENARIOS / _RECORD) != text:
        atomic.write(paths.SCENARIOS / _RECORD, text)

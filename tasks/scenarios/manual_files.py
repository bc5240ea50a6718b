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
        paths.SCENARIOS / name / file: text
        for name in names
        for file, text in files.of_source(known.named(name), chosen).texts().items()
    }


def lack_of(texts: dict[Path, str]) -> Lack:
    """Return which of these files are missing or differ, and which folders of other patterns are there.

    Args:
        texts: The text of each file.
    """
    changed = [path for path, text in texts.items() if atomic.text(path) != text]
    return lacks.of(
        *(f"{facts.shown(path)}: another text" for path in changed),
        *(f"{facts.shown(folder)}: cannot run here any more" for folder in _others(texts)),
    )


def keep(texts: dict[Path, str]) -> None:
    """Write these files, and remove the folders of other patterns.

    Args:
        texts: The text of each file.

    Raises:
        Problem: A file cannot be written.
    """
    for folder in _others(texts):
        shutil.rmtree(folder)
    for path, text in texts.items():
        if atomic.text(path) != text:
            atomic.write(path, text)
    folders = {path.parent for path in texts}
    progress.line(f"{facts.shown(paths.SCENARIOS)}: the files of {len(folders)} patterns")


def _others(texts: dict[Path, str]) -> list[Path]:
    """Return the folders of patterns, written by an earlier run, that none of these files is in."""
    folders = (paths.SCENARIOS / name for name in known.table().by_name)
    return [folder for folder in folders if folder.is_dir() and folder not in {path.parent for path in texts}]

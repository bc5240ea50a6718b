"""Where the controller comes from: an archive, a folder as git has it, or the sample."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.archive import facts
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters

ARCHIVE_README = 'README.md, "The controller archive"'
FOLDER_README = 'README.md, "Your own controller"'
_NOT_THERE = "the controller's archive is not there"


def of(chosen: Parameters) -> Path:
    """Return where the controller comes from: the archive, the user's folder, or the folder of the sample controller.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: CONTROLLER asks for an archive or a folder that is not there, or for a folder that cannot be used.
    """
    archive = paths.SRC / chosen.dci_k8s_software_tarfile
    if folder := own_folder(chosen):
        _require(folder)
        return folder
    if chosen.controller == "sample" or (chosen.controller == "auto" and not os.path.lexists(archive)):
        return paths.SAMPLE
    if not archive.is_file():
        raise Problem(f"{facts.shown(archive)}: {_absence(archive)}", hint=f"put it there: {ARCHIVE_README}")
    return archive


def own_folder(chosen: Parameters) -> Path | None:
    """Return the folder that CONTROLLER names, or None if it is one of its words."""
    return Path(chosen.controller) if os.path.isabs(chosen.controller) else None  # noqa: PTH117 - words are no paths


def is_sample(chosen: Parameters) -> bool:
    """Return whether the controller is the sample, wherever its folder is.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: The same as for `of`.
    """
    found = of(chosen)
    return found == paths.SAMPLE or (found / controller.SAMPLE_OPERATOR).is_dir()


def _absence(archive: Path) -> str:
    if archive.is_dir():
        return "a folder, where the controller's archive is needed"
    return f"a link to {archive.readlink()}, which is not there" if archive.is_symlink() else _NOT_THERE


def _require(folder: Path) -> None:
    """Stop if a folder of the user cannot be the controller's source.

    Raises:
        Problem: One line.
    """
    said = f"CONTROLLER: {folder}"
    if not folder.is_dir():
        absence = "a file, where a folder is needed" if folder.exists() else "not there"
        raise Problem(f"{said}: {absence}", hint=FOLDER_README)
    real = folder.resolve()
    if real.is_relative_to(paths.BUILD.resolve()):
        raise Problem(f"{said}: lies in {facts.shown(paths.BUILD)}, which belongs to this tool", hint=FOLDER_README)
    if paths.ROOT.resolve().is_relative_to(real):
        raise Problem(f"{said}: holds this checkout, {paths.ROOT}", hint="move one of the two")
    parts = [part.definitions for part in controller.COMPONENTS]
    if not any((folder / part).exists() for part in parts):
        above = next((top for top in folder.parents if any((top / part).exists() for part in parts)), None)
        hint = f"CONTROLLER={above}" if above else FOLDER_README
        raise Problem(f"{said}: no source of the controller, which has {parts[0]}", hint=hint)

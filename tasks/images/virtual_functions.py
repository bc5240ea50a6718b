"""The resource that functions of the controller hold a virtual function as: its name is in the program's source.

The archive's CPUFunction and GPUFunction name it in a literal, as the sample controller does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import nics
from tasks.settings.controller import COMPONENTS

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.controller import SourceImage
    from tasks.settings.parameters.model import Parameters

_SOURCES = (".go", ".py")
_COMPONENTS = frozenset(part.image for part in COMPONENTS)


def resource(image: SourceImage, current: Parameters) -> str:
    """Return the name that takes the place of the one in an image's source; empty if that stays.

    Args:
        image: An image of the controller's source.
        current: The parameters of the run.
    """
    is_other = image.name in _COMPONENTS and current.sriov_resource != nics.RESOURCE
    return current.sriov_resource if is_other else ""


def rename(folder: Path, name: str) -> None:
    """Put a name in the place of the resource's in the sources of a folder, which is a copy.

    Args:
        folder: The folder.
        name: The name; empty to leave them as they are.
    """
    if not name:
        return
    for file in folder.rglob("*"):
        if file.suffix in _SOURCES and file.is_file() and not file.is_symlink():
            text = file.read_text(encoding="utf-8")
            if nics.RESOURCE in text:
                file.write_text(text.replace(nics.RESOURCE, name), encoding="utf-8")

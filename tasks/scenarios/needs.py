"""What patterns lack here, said before anything is touched: hardware, addresses, parts of the source."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tasks import progress, reasons
from tasks.doctor import examination
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.scenarios import files as scenarios_files
from tasks.settings import parameters, patterns

if TYPE_CHECKING:
    from tasks.settings.patterns import Pattern

_FILES = ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml", "df-cpufunc.yaml")


def runnable() -> list[str]:
    """Return the names of the patterns that lack nothing."""
    return [pattern.name for pattern in patterns.PATTERNS if not lacks(pattern)]


def choice() -> dict[str, Any]:
    """Return what doit has to build for the patterns that lack nothing, and what the others lack."""
    images = {image for name in runnable() for image in patterns.BY_NAME[name].images}
    missing = {pattern.name: found for pattern in patterns.PATTERNS if (found := lacks(pattern))}
    return {"task_dep": [f"function_image:{image}" for image in sorted(images)], "missing": missing}


def announce() -> dict[str, Any]:
    """Say what each pattern lacks; return the same as `choice`."""
    chosen = choice()
    for name, found in chosen["missing"].items():
        progress.line(f"{name}: not registered: {'; '.join(found)}")
    return chosen


def is_in_source(name: str) -> bool:
    """Tell whether the controller's source holds a pattern.

    Args:
        name: Name of a pattern.
    """
    return not _not_in_source(patterns.BY_NAME[name])


def require_in_source(name: str) -> None:
    """Refuse a pattern that the controller's source does not hold.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: One line for each file or image that is missing.
    """
    missing = _not_in_source(patterns.BY_NAME[name])
    if missing:
        raise Problem("\n".join(f"{name}: {line}" for line in missing), hint="./doit list --all dataflow")


def lacks(pattern: Pattern) -> list[str]:
    """Return what a pattern lacks here, one phrase each."""
    missing = (phrase for need in pattern.needs for phrase in _missing(need))
    return [*missing, *_too_few_functions(pattern), *_not_in_source(pattern)]


def has_functions(name: str) -> bool:
    """Tell whether the workers are to have as many virtual functions as a pattern takes.

    Args:
        name: Name of a pattern.
    """
    too_few = _too_few_functions(patterns.BY_NAME[name])
    for phrase in too_few:
        reasons.obstacle(phrase)
    return not too_few


def require_functions(name: str) -> None:
    """Refuse a pattern that takes more virtual functions than the workers are to have.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: One line with both numbers.
    """
    pattern = patterns.BY_NAME[name]
    for phrase in _too_few_functions(pattern):
        raise Problem(f"{name}: {phrase}", hint=f"SRIOV_NUM_VFS={pattern.vfs_each}, or more")


def _too_few_functions(pattern: Pattern) -> list[str]:
    each = parameters.current().sriov_num_vfs
    if pattern.vfs_each <= each:
        return []
    return [f"takes {pattern.vfs} virtual functions, {pattern.vfs_each} of one worker, but SRIOV_NUM_VFS is {each}"]


@cache
def _missing(need: str) -> tuple[str, ...]:
    """Return what the machine lacks of a need; what is lent to the nodes already is not looked for on the host."""
    if examination.is_settled(need):
        return ()
    return tuple(f"{one.title}: {one.found}" for one in examination.examine((need,)) if one.is_obstacle)


def _not_in_source(pattern: Pattern) -> list[str]:
    folder = scenarios_files.folder(pattern)
    files = [file for file in _FILES if not (folder / file).is_file()]
    missing = [pattern.folder] if len(files) == len(_FILES) else [f"{pattern.folder}/{file}" for file in files]
    images = [image for image in pattern.images if not archive_images.is_in_source(image)]
    return [
        *(f"{part} is not in the controller's source" for part in missing),
        *(f"image {image} cannot be built: the controller's source does not hold it" for image in images),
    ]

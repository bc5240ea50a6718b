"""What patterns lack on this machine, shown before anything is touched: hardware, addresses, parts of the source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.doctor import examination, first_steps
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.scenarios import files as scenarios_files
from tasks.settings import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tasks.doctor.examination import Result
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters
    from tasks.settings.patterns import Pattern

_FILES = ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml", "df-cpufunc.yaml")


@dataclass(frozen=True)
class Machine:
    """What patterns are checked against.

    Attributes:
        functions: Virtual functions that each worker is to have.
        missing: Returns what the machine lacks for a need, one phrase each.
    """

    functions: int
    missing: Callable[[str], Sequence[str]]


def machine(chosen: Parameters) -> Machine:
    """Return this machine, with the virtual functions that the parameters ask for."""
    return Machine(chosen.sriov_num_vfs, partial(_missing, chosen))


@cache
def _missing(chosen: Parameters, need: str) -> tuple[str, ...]:
    """Return what the machine lacks for a need; what is already lent to the nodes is not looked for on the host."""
    if first_steps.is_settled(need, chosen):
        return ()
    return phrases(examination.of_this_machine(chosen).examine((need,)))


def phrases(results: Iterable[Result]) -> tuple[str, ...]:
    """Return one phrase for each result that keeps a pattern from running."""
    return tuple(f"{one.title}: {one.found}" for one in results if one.is_obstacle)


def announce(here: Machine) -> dict[str, Any]:
    """Show what each pattern lacks; return the same as `choice`."""
    chosen = choice(here)
    for name, found in chosen["missing"].items():
        progress.line(f"{name}: not registered: {'; '.join(found)}")
    return chosen


def choice(here: Machine) -> dict[str, Any]:
    """Return what doit has to build for the patterns that lack nothing, and what the others lack."""
    images = {image for name in runnable(here) for image in patterns.BY_NAME[name].images}
    missing = {pattern.name: found for pattern in patterns.PATTERNS if (found := missing_of(pattern, here))}
    return {"task_dep": [f"function_image:{image}" for image in sorted(images)], "missing": missing}


def runnable(here: Machine) -> list[str]:
    """Return the names of the patterns that lack nothing."""
    return [pattern.name for pattern in patterns.PATTERNS if not missing_of(pattern, here)]


def missing_of(pattern: Pattern, here: Machine) -> list[str]:
    """Return what a pattern lacks here, one phrase each."""
    missing = (phrase for need in pattern.needs for phrase in here.missing(need))
    return [*missing, *_too_few_functions(pattern, here.functions), *_not_in_source(pattern)]


def lack_of_functions(name: str, each: int) -> Lack:
    """Return an obstacle if a pattern takes more virtual functions than the workers are to have.

    Args:
        name: Name of a pattern.
        each: Virtual functions that each worker is to have.
    """
    return lacks.obstacle(*_too_few_functions(patterns.BY_NAME[name], each))


def require_functions(name: str, each: int) -> None:
    """Refuse a pattern that takes more virtual functions than the workers are to have.

    Args:
        name: Name of a pattern.
        each: Virtual functions that each worker is to have.

    Raises:
        Problem: One line with both numbers.
    """
    pattern = patterns.BY_NAME[name]
    for phrase in _too_few_functions(pattern, each):
        raise Problem(f"{name}: {phrase}", hint=f"SRIOV_NUM_VFS={pattern.vfs_each}, or more")


def _too_few_functions(pattern: Pattern, each: int) -> list[str]:
    if pattern.vfs_each <= each:
        return []
    return [f"takes {pattern.vfs} virtual functions, {pattern.vfs_each} of one worker, but SRIOV_NUM_VFS is {each}"]


def lack_of_source(name: str) -> Lack:
    """Return the parts of a pattern that the controller's source does not hold.

    Args:
        name: Name of a pattern.
    """
    return lacks.of(*_not_in_source(patterns.BY_NAME[name]))


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


def _not_in_source(pattern: Pattern) -> list[str]:
    folder = scenarios_files.folder(pattern)
    files = [file for file in _FILES if not (folder / file).is_file()]
    missing = [pattern.folder] if len(files) == len(_FILES) else [f"{pattern.folder}/{file}" for file in files]
    images = [image for image in pattern.images if not archive_images.is_in_source(image)]
    return [
        *(f"{part} is not in the controller's source" for part in missing),
        *(f"image {image} cannot be built: the controller's source does not hold it" for image in images),
    ]

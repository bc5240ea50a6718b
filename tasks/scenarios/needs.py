"""What patterns lack on this machine, shown before anything is touched: hardware, addresses, parts of the source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.doctor import examination, first_steps
from tasks.images import archive_images, function_images, harbor_images, user_images
from tasks.patterns import index, known, places, reviewed
from tasks.problems import Problem
from tasks.settings import checks, controller, parameters
from tasks.target import choice as targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tasks.doctor.examination import Result
    from tasks.lack import Lack
    from tasks.patterns.model import Pattern
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class Machine:
    """What patterns are checked against.

    Attributes:
        functions: Virtual functions that each worker is to have.
        missing: Returns what the machine lacks for a need or for lending one card, one phrase each.
        unmade: Returns why an image can neither be taken as it is nor built from the source, one phrase each.
        unbuildable: Returns why an image that the source has cannot be built; empty if it can be, or is taken.
        wrong: Returns what is wrong with the files of a pattern, one line each.
        unfit: Returns why a pattern cannot run on the cluster's workers, one line each.
    """

    functions: int
    missing: Callable[[str], Sequence[str]]
    unmade: Callable[[str], Sequence[str]]
    unbuildable: Callable[[str], str] = lambda _image: ""
    wrong: Callable[[Pattern], Sequence[str]] = lambda _pattern: ()
    unfit: Callable[[Pattern], Sequence[str]] = lambda _pattern: ()


def machine(chosen: Parameters) -> Machine:
    """Return this machine, with the virtual functions that the parameters ask for."""
    there = targets.of(chosen)
    asked = partial(_unmade, chosen), partial(_unbuildable, chosen), partial(_wrong, chosen), there.unfit
    return Machine(there.functions_each, partial(_missing, chosen), *asked)


@cache
def _missing(chosen: Parameters, need: str) -> tuple[str, ...]:
    """Return what the machine lacks for a need; what is already lent to the nodes is not looked for on the host."""
    not_offered = targets.of(chosen).missing(need)
    if not_offered or first_steps.is_settled(need, chosen):
        return not_offered
    asked = examination.of_this_machine(chosen, need)
    results = asked.examine(examination.purposes_of(need, chosen))
    return phrases(one for one in results if one.name not in checks.ASKED_FOR)


def _unmade(chosen: Parameters, image: str) -> tuple[str, ...]:
    return function_images.obstacles(image, chosen)


@cache
def _unbuildable(chosen: Parameters, image: str) -> str:
    return archive_images.lack_of_parent(image, chosen)


def _wrong(chosen: Parameters, pattern: Pattern) -> list[str]:
    """Return what is wrong with the files of a pattern, unless the user takes the risk."""
    return [] if checks.PATTERNS in chosen.ignore_checks else reviewed.complaints(pattern)


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
    missing = {pattern.name: found for pattern in known.patterns() if (found := missing_of(pattern, here))}
    wrong = {each.name: [*each.complaints] for each in known.unusable()}
    images = {image for pattern in known.patterns() if pattern.name not in missing for image in pattern.images}
    return {"task_dep": [f"function_image:{image}" for image in sorted(images)], "missing": {**missing, **wrong}}


def runnable(here: Machine) -> list[str]:
    """Return the names of the patterns that lack nothing."""
    return [pattern.name for pattern in known.patterns() if not missing_of(pattern, here)]


def missing_of(pattern: Pattern, here: Machine) -> list[str]:
    """Return what a pattern lacks here, one phrase each."""
    missing = (phrase for need in pattern.needs for phrase in here.missing(need))
    few = _too_few_functions(pattern, here.functions)
    source = [*_not_in_source(pattern, here.unmade), *_not_buildable(pattern, here)]
    return [*missing, *few, *here.unfit(pattern), *source, *here.wrong(pattern)]


def lack_of_functions(name: str, each: int) -> Lack:
    """Return an obstacle if a pattern takes more virtual functions than the workers are to have.

    Args:
        name: Name of a pattern.
        each: Virtual functions that each worker is to have.
    """
    return lacks.obstacle(*_too_few_functions(known.named(name), each))


def require_functions(name: str, each: int) -> None:
    """Refuse a pattern that takes more virtual functions than the workers are to have.

    Args:
        name: Name of a pattern.
        each: Virtual functions that each worker is to have.

    Raises:
        Problem: One line with both numbers.
    """
    pattern = known.named(name)
    for phrase in _too_few_functions(pattern, each):
        raise Problem(f"{name}: {phrase}", hint=f"SRIOV_NUM_VFS={pattern.vfs_each}, or more")


def _too_few_functions(pattern: Pattern, each: int) -> list[str]:
    if pattern.vfs_each <= each:
        return []
    asked = f"takes {pattern.vfs} virtual functions, {pattern.vfs_each} of one worker"
    return [f"{asked}, but each has {each} (SRIOV_NUM_VFS)"]


def lack_of_source(name: str) -> Lack:
    """Return obstacles: what workers it does not find, or what is wrong with its files; else what is not there.

    Args:
        name: Name of a pattern.
    """
    chosen, pattern = parameters.current(), known.named(name)
    there = targets.of(chosen)
    wrong = lacks.obstacle(*there.unfit(pattern), *_wrong(chosen, pattern))
    notes = lacks.noted(*(f"{name}: {line}" for line in there.notices(pattern)))
    return notes + (wrong or lacks.of(*_not_in_source(pattern, partial(_unmade, chosen))))


def require_in_source(name: str) -> None:
    """Refuse a pattern that the cluster has no workers for, that is not all there, or whose files are wrong.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: One line for each thing against it; what a registry has is not missing.
    """
    chosen, pattern = parameters.current(), known.named(name)
    if unfit := targets.of(chosen).unfit(pattern):
        raise Problem("\n".join(f"{name}: {line}" for line in unfit), hint="README.md, Several servers")
    missing = _not_in_source(pattern, partial(_unmade, chosen))
    if missing:
        instead = "" if chosen.function_images == "source" else f"{harbor_images.HINT}; or "
        raise Problem("\n".join(f"{name}: {line}" for line in missing), hint=f"{instead}./doit list --all dataflow")
    if wrong := _wrong(chosen, pattern):
        again = f"./doit doctor --for dataflow:{name}, until it says ok"
        raise Problem("\n".join(wrong), hint=f"{again}; or, at your own risk, IGNORE_CHECKS={checks.PATTERNS}")


def lack_of_parents(name: str, here: Machine) -> Lack:
    """Return an obstacle for each image of a pattern that is built on one which is nowhere on this machine.

    Args:
        name: Name of a pattern.
        here: This machine.
    """
    return lacks.obstacle(*_not_buildable(known.named(name), here))


def require_parents(name: str, here: Machine) -> None:
    """Refuse a pattern with an image that is built on one which is nowhere on this machine.

    Args:
        name: Name of a pattern.
        here: This machine.

    Raises:
        Problem: One line for each such image.
    """
    missing = _not_buildable(known.named(name), here)
    if missing:
        by_user = any(controller.DEEPSTREAM in line for line in missing)
        hint = user_images.BUILD if by_user else "FUNCTION_IMAGES=registry, if the registry has them"
        raise Problem("\n".join(f"{name}: {line}" for line in missing), hint=hint)


def _not_buildable(pattern: Pattern, here: Machine) -> list[str]:
    """Return why images cannot be built although the source has them, one phrase each."""
    images = filter(function_images.is_in_source, pattern.images)
    return [f"{image} cannot be built: {reason}" for image in images if (reason := here.unbuildable(image))]


def _not_in_source(pattern: Pattern, unmade: Callable[[str], Sequence[str]]) -> list[str]:
    return [*_absent(pattern), *dict.fromkeys(phrase for image in pattern.images for phrase in unmade(image))]


def _absent(pattern: Pattern) -> list[str]:
    """Return the files of a pattern that are not there, one phrase each; one for all if none is there."""
    names = places.names_of_files(pattern)
    if not names:
        return [f"{places.shown_folder(pattern)}: holds no files of a scenario, only {index.FILE}"]
    files = [f"{pattern.folder}/{file}" for file in names if not (places.folder(pattern) / file).is_file()]
    return [
        f"{part} is not in the controller's source" for part in (files if len(files) < len(names) else [pattern.folder])
    ]

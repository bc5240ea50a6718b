"""What dataflows refer to: namespaces, rights, and the registered resources of each pattern.

controller > cpufunc_namespaces > post_setup > scenario:<pattern>
                                   post_setup, _runnable > prepare_scenario
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import LOOKS_ONLY, MEANS, REMAKES_ALL
from tasks.settings import parameters
from tasks.settings.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.images import choices
    from tasks.lack import Lack
    from tasks.scenarios import needs, registration, setup
else:
    choices = later("tasks.images.choices")
    needs = later("tasks.scenarios.needs")
    registration = later("tasks.scenarios.registration")
    setup = later("tasks.scenarios.setup")


def task_cpufunc_namespaces() -> dict[str, Any]:
    """Create the namespaces that functions run in."""
    return {
        "actions": [Do(setup.create_namespaces)],
        "task_dep": ["_ready"],
        "uptodate": [Current(setup.lack_of_namespaces)],
        "meta": {MEANS: REMAKES_ALL},
    }


def task_post_setup() -> dict[str, Any]:
    """Let functions read their configuration, and wait until the workers offer their capacity."""
    return {
        "actions": [Do(setup.set_up)],
        "task_dep": ["cpufunc_namespaces", "controller"],
        "uptodate": [Current(setup.lack_of_setup)],
        "meta": {MEANS: REMAKES_ALL},
    }


def task_scenario() -> Iterator[dict[str, Any]]:
    """Register the resources of a pattern (`scenario:<pattern>`)."""
    for pattern in PATTERNS:
        yield {
            "name": pattern.name,
            "doc": f"Register the resources of {pattern.name}.",
            "actions": [Do(registration.register, pattern.name)],
            "task_dep": [
                f"_in_source:{pattern.name}",
                "post_setup",
                *(f"function_image:{image}" for image in pattern.images),
            ],
            "uptodate": [Current(registration.lack, pattern.name)],
        }


def task_prepare_scenario() -> dict[str, Any]:
    """Register the resources of all patterns that the cluster can run."""
    return {
        "actions": [Do(registration.register_runnable)],
        "task_dep": ["post_setup"],
        "calc_dep": ["_runnable"],
        "uptodate": [Current(registration.lack_of_runnable)],
    }


def task__runnable() -> dict[str, Any]:
    """Say what each pattern lacks here, and choose the images of the others."""
    return {
        "actions": [Do(announce)],
        "task_dep": ["controller_source"],
        "calc_dep": ["_asked_registry"],
        "uptodate": [Same(choice)],
        "meta": LOOKS_ONLY,
    }


def announce() -> dict[str, Any]:
    """Show what each pattern lacks; return the same as `choice`."""
    return needs.announce(needs.machine(parameters.current()))


def choice() -> dict[str, Any]:
    """Return what doit has to build for the patterns that lack nothing, and what the others lack."""
    return needs.choice(needs.machine(parameters.current()))


def task__asked_registry() -> dict[str, Any]:
    """Choose whether the embedded registry has to be there before it is asked for images of functions."""
    return {"actions": [Do(choices.asked_registry)], "uptodate": [Same(choices.asked_registry)]}


def task__in_source() -> Iterator[dict[str, Any]]:
    """Refuse a pattern that the controller's source does not hold or cannot build (`_in_source:<pattern>`)."""
    for pattern in PATTERNS:
        yield {
            "name": pattern.name,
            "actions": [Do(needs.require_in_source, pattern.name), Do(require_parents, pattern.name)],
            "task_dep": ["controller_source"],
            "calc_dep": ["_asked_registry"],
            "uptodate": [Current(needs.lack_of_source, pattern.name), Current(lack_of_parents, pattern.name)],
            "meta": LOOKS_ONLY,
        }


def lack_of_parents(name: str) -> Lack:
    """Return an obstacle for each image of a pattern that cannot be built here."""
    return needs.lack_of_parents(name, needs.machine(parameters.current()))


def require_parents(name: str) -> None:
    """Refuse a pattern with an image that cannot be built here.

    Raises:
        Problem: One line for each such image.
    """
    needs.require_parents(name, needs.machine(parameters.current()))

"""What dataflows refer to: namespaces, rights, and the registered resources of each pattern.

controller, cpufunc_namespaces > _function_setup > scenario:<pattern>
_function_setup, _runnable, send_video_tool > prepare_scenario
_function_setup, _target:addons, _loans > post_setup
_runnable > scenario_files      controller_source > new_pattern
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.functions import folders
from tasks.patterns import known
from tasks.patterns.graph import refusals
from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import EVERY, LOOKS_ONLY, MEANS, NOTHING, SEEN_UNLESS_REMADE
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.images import choices
    from tasks.lack import Lack
    from tasks.patterns.model import Pattern
    from tasks.scenarios import loans, manual_files, needs, new_pattern, registration, setup
else:
    choices = later("tasks.images.choices")
    manual_files = later("tasks.scenarios.manual_files")
    loans = later("tasks.scenarios.loans")
    needs = later("tasks.scenarios.needs")
    new_pattern = later("tasks.scenarios.new_pattern")
    registration = later("tasks.scenarios.registration")
    setup = later("tasks.scenarios.setup")

_NEW = [
    {"name": "source", "long": "from", "type": str, "default": "", "help": "the pattern it is made from (the first)"},
    {"name": "name", "long": "name", "type": str, "default": "", "help": "its name"},
]


def task_new_pattern() -> dict[str, Any]:
    """Make a pattern of your own from another, in work/patterns (--from calcapp-basic --name mine)."""
    return {
        "actions": [Do(new_pattern.make)],
        "params": _NEW,
        "task_dep": ["controller_source"],
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task_cpufunc_namespaces() -> dict[str, Any]:
    """Create the namespaces that functions run in."""
    return {
        "actions": [Do(setup.create_namespaces)],
        "task_dep": ["_target:ready"],
        "uptodate": [Current(setup.lack_of_namespaces)],
        "meta": SEEN_UNLESS_REMADE,
    }


def task__function_setup() -> dict[str, Any]:
    """Let functions read their configuration, and wait until the workers offer their capacity."""
    return {
        "actions": [Do(setup.set_up)],
        "task_dep": ["cpufunc_namespaces", "controller"],
        "uptodate": [Current(setup.lack_of_setup)],
        "meta": SEEN_UNLESS_REMADE,
    }


def task_post_setup() -> dict[str, Any]:
    """Install add-ons, lend cards and GPU, and prepare the namespaces of functions."""
    return {
        "actions": [Do(setup.place)],
        "task_dep": ["_function_setup", "_target:addons"],
        "calc_dep": ["_loans"],
        "uptodate": [Current(setup.lack_of_placement)],
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task__loans() -> dict[str, Any]:
    """Say which cards and whether the GPU stay on the host and why, and choose the others."""
    return {"actions": [Do(announce_loans)], "uptodate": [Same(chosen_loans)], "meta": LOOKS_ONLY}


def announce_loans() -> dict[str, Any]:
    """Show what is not lent, and why; return the same as `chosen_loans`."""
    return loans.announce(loans.server(parameters.current()))


def chosen_loans() -> dict[str, Any]:
    """Return the tasks that lend what this machine has, and what is not lent."""
    return loans.choice(loans.server(parameters.current()))


def task__early_lease() -> dict[str, Any]:
    """Choose whether the GPU is lent as soon as its node runs, so that the controller counts it from its start."""
    return {"actions": [Do(early_lease)], "uptodate": [Same(early_lease)], "meta": LOOKS_ONLY}


def early_lease() -> dict[str, Any]:
    """Return the task that lends the GPU if it is lent at all, as doit's calculated dependencies."""
    return loans.early_lease(loans.server(parameters.current()))


def task_scenario_files() -> dict[str, Any]:
    """Write the files of the patterns that can run here to build/scenarios, to be registered by hand."""
    return {
        "actions": [Do(manual_files.write)],
        "task_dep": ["controller_source"],
        "calc_dep": ["_runnable"],
        "uptodate": [Current(manual_files.lack)],
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task_scenario() -> Iterator[dict[str, Any]]:
    """Register the resources of a pattern (`scenario:<pattern>`)."""
    for pattern in known.patterns():
        yield {
            "name": pattern.name,
            "doc": f"Register the resources of {pattern.name}.",
            "actions": [Do(registration.register, pattern.name)],
            "task_dep": [f"_in_source:{pattern.name}", "_function_setup", *_images(pattern)],
            "uptodate": [Current(registration.lack, pattern.name)],
        }
    yield from refusals()


def _images(pattern: Pattern) -> list[str]:
    """Return the tasks of a pattern's images; one that nothing has is refused by `_in_source`."""
    return [f"function_image:{image}" for image in pattern.images if folders.is_declared(image)]


def task_prepare_scenario() -> dict[str, Any]:
    """Register the resources of all patterns that the cluster can run."""
    return {
        "actions": [Do(registration.register_runnable)],
        "task_dep": ["_function_setup", "send_video_tool"],
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
    return {"actions": [Do(choices.asked_registry)], "uptodate": [Same(choices.asked_registry)], "meta": LOOKS_ONLY}


def task__in_source() -> Iterator[dict[str, Any]]:
    """Refuse a pattern that the controller's source does not hold or cannot build (`_in_source:<pattern>`)."""
    for pattern in known.patterns():
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

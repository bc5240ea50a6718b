"""The OpenKasugai controller: its source, its images, and its deployment.

controller_source > controller_image:<name> > controller:definitions > :configuration > :managers > :daemons
                  > function_image:<name>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import DISRUPTS, MEANS, REMAKES_ALL
from tasks.settings.controller import CONTROLLER_IMAGES, FUNCTION_IMAGES, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tasks.archive import source
    from tasks.controller import deployment
    from tasks.images import archive_images, choices
    from tasks.settings.controller import SourceImage
else:
    source = later("tasks.archive.source")
    deployment = later("tasks.controller.deployment")
    archive_images = later("tasks.images.archive_images")
    choices = later("tasks.images.choices")

# The steps of the deployment that name what the workers have.
_INVENTORY = ("configuration", "daemons")


def task_controller_source() -> dict[str, Any]:
    """Unpack and check the controller's archive, or take the sample controller in the lab."""
    return {"actions": [Do(source.prepare)], "uptodate": [Current(source.lack)]}


def task_controller_image() -> Iterator[dict[str, Any]]:
    """Build the controller's images that are deployed, or any other by its name (`controller_image:<name>`)."""
    yield from _image_tasks(CONTROLLER_IMAGES)
    yield _group("_controller_images", task_controller_image)


def task_function_image() -> Iterator[dict[str, Any]]:
    """Build the images of the patterns that can run, or any other by its name (`function_image:<name>`)."""
    yield from _image_tasks(FUNCTION_IMAGES)
    yield _group("_runnable", task_function_image)


def task__controller_images() -> dict[str, Any]:
    """Choose the images that the deployed controller runs."""
    return {"actions": [Do(choices.controller_images)], "uptodate": [Same(choices.controller_images)]}


def task_controller() -> Iterator[dict[str, Any]]:
    """Deploy the controller into the cluster."""
    previous = ["_ready"]
    for step, disrupts in STEPS.items():
        yield {
            "name": step,
            "doc": f"Apply the controller's {step}.",
            "actions": [Do(deployment.deploy, step)],
            "task_dep": previous,
            "calc_dep": ["_controller_images"],
            "uptodate": [Current(deployment.lack, step)],
            "meta": {DISRUPTS: disrupts, MEANS: REMAKES_ALL},
        }
        previous = [f"controller:{step}"]


def task__gpu_in_inventory() -> dict[str, Any]:
    """Tell the controller about the GPU that is lent to the first worker."""
    return {
        "actions": [Do(deployment.deploy, step) for step in _INVENTORY],
        "task_dep": ["gpu_lease", "controller"],
        "uptodate": [Current(deployment.lack, step) for step in _INVENTORY],
    }


def _group(chooser: str, creator: Callable[[], object]) -> dict[str, Any]:
    """Return a group that runs the tasks its chooser names; yielded last, it replaces doit's group of all tasks."""
    return {"name": None, "doc": creator.__doc__, "calc_dep": [chooser]}


def _image_tasks(images: Iterable[SourceImage]) -> Iterator[dict[str, Any]]:
    for image in images:
        yield {
            "name": image.name,
            "doc": f"Build the image {image.name} and push it to the registry.",
            "actions": [Do(archive_images.build, image.name)],
            "task_dep": ["controller_source", "image:base", "registry_ca"],
            "uptodate": [Current(archive_images.lack, image.name)],
        }

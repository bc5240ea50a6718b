"""The OpenKasugai controller: its source, its images, and its deployment.

controller_source > _published_images > _controller_images
controller_source > _image_source:<name> > controller_image:<name> > controller:definitions > :configuration > :managers
                                         > function_image:<name>                                             > :daemons
gpu_lease, controller > _gpu_in_inventory      gpu_return
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.gpu.graph import RETURN
from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import AFTERWARDS, DISRUPTS, LOOKS_ONLY, MEANS, REMAKES_ALL, ROOT, WATCHED
from tasks.settings.controller import CONTROLLER_IMAGES, FUNCTION_IMAGES, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tasks.archive import source
    from tasks.controller import capacity, deployment, following
    from tasks.gpu import lease
    from tasks.images import archive_images, choices, published_images
    from tasks.settings.controller import SourceImage
else:
    source = later("tasks.archive.source")
    capacity = later("tasks.controller.capacity")
    deployment = later("tasks.controller.deployment")
    following = later("tasks.controller.following")
    lease = later("tasks.gpu.lease")
    archive_images = later("tasks.images.archive_images")
    choices = later("tasks.images.choices")
    published_images = later("tasks.images.published_images")

# The steps of the deployment that name what the workers have, or read it.
_INVENTORY = ("configuration", "managers", "daemons")
_FOLLOW = {
    "name": "follow",
    "long": "follow",
    "type": bool,
    "default": False,
    "help": "then follow the logs of all its parts; Ctrl-C ends only this",
}

_GOES_ON = {WATCHED: lambda: ["controller"], AFTERWARDS: ("follow", following.follow)}


def task_controller_source() -> dict[str, Any]:
    """Unpack and check the controller's archive, or take the sample controller in the lab."""
    return {"actions": [Do(source.prepare)], "uptodate": [Current(source.lack)]}


def task__published_images() -> dict[str, Any]:
    """Find out whether the controller's images are taken as published, and say why if they are compiled."""
    return {
        "actions": [Do(published_images.choose)],
        "task_dep": ["controller_source"],
        "uptodate": [Current(published_images.lack)],
        "meta": LOOKS_ONLY,
    }


def task__image_source() -> Iterator[dict[str, Any]]:
    """Choose whether an image is built or taken as it is (`_image_source:<name>`)."""
    for image in (*CONTROLLER_IMAGES, *FUNCTION_IMAGES):
        yield {
            "name": image.name,
            "actions": [Do(choices.choose_image_source, image.name)],
            "task_dep": ["controller_source", "registry_ca"],
            "uptodate": [Same(choices.image_source, image.name)],
        }


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
    return {
        "actions": [Do(choices.controller_images)],
        "task_dep": ["_published_images"],
        "uptodate": [Same(choices.controller_images)],
    }


def task_controller() -> Iterator[dict[str, Any]]:
    """Deploy the controller into the cluster."""
    yield {"name": None, "doc": task_controller.__doc__, "params": [_FOLLOW], "meta": _GOES_ON}
    for previous, step in zip(["_ready", *(f"controller:{step}" for step in STEPS)], STEPS, strict=False):
        yield {
            "name": step,
            "doc": f"Apply the controller's {step}.",
            "actions": [Do(deployment.deploy, step)],
            "task_dep": [previous],
            "calc_dep": ["_controller_images"],
            "uptodate": [Current(deployment.lack, step)],
            "meta": {DISRUPTS: STEPS[step], MEANS: REMAKES_ALL},
        }


def task__gpu_in_inventory() -> dict[str, Any]:
    """Tell the controller about the GPU that is lent to the first worker."""
    return {
        "actions": [*(Do(deployment.deploy, step) for step in _INVENTORY), Do(capacity.require_offer)],
        "task_dep": ["gpu_lease", "controller"],
        "uptodate": [*(Current(deployment.lack, step) for step in _INVENTORY), Current(capacity.lack_of_offer)],
    }


def task_gpu_return() -> dict[str, Any]:
    """Give the GPU back to the host, as it was, and take it out of the controller's inventory."""
    return {
        "actions": [Do(lease.give_back), Do(deployment.follow)],
        "uptodate": [Current(lease.lack_of_return), Current(deployment.lack_of_following)],
        "meta": {DISRUPTS: "dataflows on the GPU: the worker loses it", ROOT: (RETURN,)},
    }


def _group(chooser: str, creator: Callable[[], object]) -> dict[str, Any]:
    """Return a group that runs the tasks its chooser names; yielded last, it replaces doit's group of all tasks."""
    return {"name": None, "doc": creator.__doc__, "calc_dep": [chooser]}


def _image_tasks(images: Iterable[SourceImage]) -> Iterator[dict[str, Any]]:
    for image in images:
        yield {
            "name": image.name,
            "doc": f"Build the image {image.name} and push it to the registry, unless it is taken as it is.",
            "actions": [Do(archive_images.build, image.name)],
            "task_dep": ["controller_source", "registry_ca"],
            "calc_dep": [f"_image_source:{image.name}"],
            "uptodate": [Current(archive_images.lack, image.name)],
        }

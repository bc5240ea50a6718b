"""The OpenKasugai controller: its source, its images, and its deployment.

controller_source > _published_images > _controller_images
controller_source > _image_source:<name> > controller_image:<name> > controller:definitions > :configuration > :managers
                                         > function_image:<name>                                             > :daemons
gpu_lease, controller > _gpu_in_inventory      gpu_return
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.functions import folders
from tasks.functions.graph import refusals
from tasks.gpu.graph import RETURN
from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import (
    AFTERWARDS,
    DISRUPTS,
    LOOKS_ONLY,
    NAMED_BY_INPUTS,
    PURE,
    ROOT,
    SEEN_UNLESS_REMADE,
    WATCHED,
)
from tasks.settings.controller import CONTROLLER_IMAGES, FUNCTION_IMAGES, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tasks.archive import source
    from tasks.controller import capacity, deployment, following, running
    from tasks.gpu import lease
    from tasks.images import archive_images, choices, function_images, published_images
    from tasks.settings.controller import SourceImage
else:
    source = later("tasks.archive.source")
    capacity = later("tasks.controller.capacity")
    deployment = later("tasks.controller.deployment")
    following = later("tasks.controller.following")
    running = later("tasks.controller.running")
    lease = later("tasks.gpu.lease")
    archive_images = later("tasks.images.archive_images")
    choices = later("tasks.images.choices")
    function_images = later("tasks.images.function_images")
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
    return {
        "actions": [Do(source.prepare)],
        "uptodate": [Current(source.lack)],
        "meta": {PURE: source.prepare, **LOOKS_ONLY},
    }


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
    for name in (*_names(CONTROLLER_IMAGES), *_function_names()):
        yield {
            "name": name,
            "actions": [Do(choices.choose_image_source, name)],
            "task_dep": ["controller_source", "registry_ca"],
            "uptodate": [Same(choices.image_source, name)],
            "meta": NAMED_BY_INPUTS,
        }


def task_controller_image() -> Iterator[dict[str, Any]]:
    """Build the controller's images that are deployed, or any other by its name (`controller_image:<name>`)."""
    for name in _names(CONTROLLER_IMAGES):
        yield _image_task(name, "", [Do(archive_images.build, name)], Current(archive_images.lack, name))
    yield _group("_controller_images", task_controller_image)


def task_function_image() -> Iterator[dict[str, Any]]:
    """Build the images of the patterns that can run, or any other by its name (`function_image:<name>`)."""
    own = {*folders.names()}
    for name in _function_names():
        actions = [Do(function_images.build, name), Do(running.say_what_is_earlier, name)]
        source = folders.shown(name) if name in own else ""
        yield _image_task(name, source, actions, Current(function_images.lack, name))
    yield from refusals()
    yield _group("_runnable", task_function_image)


def task__controller_images() -> dict[str, Any]:
    """Choose the images that the deployed controller runs."""
    return {
        "actions": [Do(choices.controller_images)],
        "task_dep": ["_published_images"],
        "uptodate": [Same(choices.controller_images)],
        "meta": LOOKS_ONLY,
    }


def task_controller() -> Iterator[dict[str, Any]]:
    """Deploy the controller into the cluster."""
    yield {"name": None, "doc": task_controller.__doc__, "params": [_FOLLOW], "meta": _GOES_ON}
    for previous, step in zip(["_target:ready", *(f"controller:{step}" for step in STEPS)], STEPS, strict=False):
        yield {
            "name": step,
            "doc": f"Apply the controller's {step}.",
            "actions": [Do(deployment.deploy, step)],
            "task_dep": [previous],
            "calc_dep": ["_controller_images"],
            "uptodate": [Current(deployment.lack, step)],
            "meta": {DISRUPTS: STEPS[step], **SEEN_UNLESS_REMADE},
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


def _names(images: Iterable[SourceImage]) -> list[str]:
    return [image.name for image in images]


def _function_names() -> list[str]:
    """Return the names of the functions' images: the controller's, and the user's own, which may take their place."""
    wrong = {folder.name for folder in folders.unusable()}
    found = dict.fromkeys([*_names(FUNCTION_IMAGES), *folders.names()])
    return [name for name in found if name not in wrong]


def _image_task(name: str, folder: str, actions: list[Do], check: Current) -> dict[str, Any]:
    instead = "." if folder else ", unless it is taken as it is."
    return {
        "name": name,
        "doc": f"Build {folder or f'the image {name}'} and push it to the registry{instead}",
        "actions": actions,
        "task_dep": ["controller_source", "registry_ca"],
        "calc_dep": [f"_image_source:{name}"],
        "uptodate": [check],
        "meta": NAMED_BY_INPUTS,
    }

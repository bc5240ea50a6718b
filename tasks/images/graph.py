"""The node images, each built when one of its inputs has changed.

image:<name>  images
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import EVERY, LOOKS_ONLY, MEANS, NOTHING, RUN, SEEN
from tasks.settings.images import BASE, NODE_IMAGE, NODE_IMAGES, REGISTRY, RUNTIME, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.images import base, choices, node_images
    from tasks.settings.images import NodeImage
else:
    base = later("tasks.images.base")
    choices = later("tasks.images.choices")
    node_images = later("tasks.images.node_images")

# Dependencies that make the parent of an image, if that is not simply another image.
_PARENTS = {RUNTIME: {"calc_dep": ["_runtime_image"]}, SCRATCH: {"task_dep": ["engine"]}}
# What is stood in for although it is there, and versions that cannot be had, stop a run before anything is made.
_FIRST = ("_doctor:emulation", "_doctor:versions")

# An image's label names what it is made of, and its parent by the same. The registry's own check compares the image
# that its containers run; every other check compares what images are made of.
_FOLLOWED = {MEANS: {"image": RUN, "registry": RUN, EVERY: NOTHING}, SEEN: True}


def task_image() -> Iterator[dict[str, Any]]:
    """Build a node image (`image:<name>`)."""
    yield {
        "name": BASE,
        "doc": "Have the root filesystem that the node images start from.",
        "actions": [Do(base.build)],
        "task_dep": [*_FIRST, "engine"],
        "uptodate": [Current(base.lack)],
        "meta": _FOLLOWED,
    }
    yield from map(_built, (*NODE_IMAGES, REGISTRY))


def _built(image: NodeImage) -> dict[str, Any]:
    parent = _PARENTS.get(image.parent, {"task_dep": [f"image:{image.parent}"]})
    archive = ["_archive_source"] if image.archive else []
    return {
        "name": image.name,
        "doc": f"Build {image.meaning}.",
        "actions": [Do(node_images.build, image.name)],
        "uptodate": [Current(node_images.lack, image.name)],
        "meta": _FOLLOWED,
        "task_dep": [*_FIRST, *parent.get("task_dep", [])],
        "calc_dep": [*parent.get("calc_dep", []), *archive],
    }


def task__runtime_image() -> dict[str, Any]:
    """Choose the image of the nodes' runtime as a parent."""
    return {
        "actions": [Do(choices.choose_runtime)],
        "task_dep": [*_FIRST],
        "uptodate": [Current(choices.lack_of_runtime), Same(choices.runtime_image)],
        "meta": LOOKS_ONLY,
    }


def task__archive_source() -> dict[str, Any]:
    """Choose whether an image takes a part of the controller's archive."""
    return {
        "actions": [Do(choices.archive_source)],
        "uptodate": [Same(choices.archive_source)],
        "meta": LOOKS_ONLY,
    }


def task__gpu_image() -> dict[str, Any]:
    """Choose the image of the worker that gets the GPU."""
    return {
        "actions": [Do(choices.gpu_image)],
        "task_dep": ["_doctor:images", *_FIRST, "_runtime_image"],
        "uptodate": [Same(choices.gpu_image)],
        "meta": LOOKS_ONLY,
    }


def task_images() -> dict[str, Any]:
    """Build the node images of the profile."""
    return {
        "actions": None,
        "doc": "Build the node images of the profile.",
        "task_dep": ["_doctor:images", *_FIRST, f"image:{NODE_IMAGE}"],
        "calc_dep": ["_gpu_image"],
    }

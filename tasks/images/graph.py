"""The node images, each built when one of its inputs has changed.

_source:<artifact> > _program:<artifact> > image:<name> > images
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import EVERY, FETCHES, LOOKS_ONLY, MEANS, NAMED_BY_INPUTS, NOTHING, RUN, SEEN
from tasks.settings.images import BASE, NODE_IMAGE, NODE_IMAGES, REGISTRY, RUNTIME, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.images import ahead, base, choices, node_images
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import NodeImage
else:
    ahead = later("tasks.images.ahead")
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


def task__source() -> Iterator[dict[str, Any]]:
    """Fetch what programs of images are made from (`_source:<artifact>`)."""
    for artifact in _artifacts():
        yield {
            "name": artifact.name,
            "actions": [Do(ahead.fetch, artifact.name)],
            "task_dep": [*_FIRST, "engine"],
            "uptodate": [Current(ahead.lack, artifact.name)],
            "meta": {**NAMED_BY_INPUTS, FETCHES: True},
        }


def task__program() -> Iterator[dict[str, Any]]:
    """Make programs of images, while other images are built (`_program:<artifact>`)."""
    for artifact in _artifacts():
        yield {
            "name": artifact.name,
            "actions": [Do(ahead.make, artifact.name)],
            "task_dep": [f"_source:{artifact.name}", *([f"image:{BASE}"] if artifact.compiler else [])],
            "uptodate": [Current(ahead.lack, artifact.name)],
            "meta": NAMED_BY_INPUTS,
        }


def _artifacts() -> list[GoArtifact]:
    uses = [use for image in (*NODE_IMAGES, REGISTRY) for use in image.programs]
    return list({use.artifact.name: use.artifact for use in uses}.values())


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
    beside = [f"image:{name}" for name in image.copied.values()]
    programs = [f"_program:{use.artifact.name}" for use in image.programs]
    return {
        "name": image.name,
        "doc": f"Build {image.meaning}.",
        "actions": [Do(node_images.build, image.name)],
        "uptodate": [Current(node_images.lack, image.name)],
        "meta": _FOLLOWED,
        "task_dep": [*_FIRST, *parent.get("task_dep", []), *dict.fromkeys(programs), *beside],
        "calc_dep": [*parent.get("calc_dep", []), *archive],
    }


def task__runtime_image() -> dict[str, Any]:
    """Choose the image of the nodes' runtime as a parent."""
    return {
        "actions": [Do(choices.choose_runtime)],
        "task_dep": [*_FIRST],
        "uptodate": [Current(choices.lack_of_runtime), Same(choices.runtime_image)],
        "meta": NAMED_BY_INPUTS,
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

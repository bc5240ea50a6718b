"""The image that only the user can build, since its build needs a GPU: where it is, and how it gets into the engine.

Where a GPU is stood in for, it would not run: there, images start from a stand-in for it, which is built here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.archive import facts as archive
from tasks.engines.docker import client, connection, containers_storage
from tasks.engines.docker import images as docker_images
from tasks.engines.host.facts import Host
from tasks.problems import Problem
from tasks.settings import controller, emulation

if TYPE_CHECKING:
    from tasks.engines.docker.containers_storage import Store, Stored
    from tasks.settings.parameters.model import Parameters

# The command of the archive's manual, from the top of this checkout.
BUILD = (
    f"sudo buildah bud --runtime=/usr/bin/nvidia-container-runtime -t {controller.DEEPSTREAM}:1.0.0"
    f" -f build/controller/{controller.DEEPSTREAM_FOLDER}/Dockerfile"
    f" build/controller/{controller.DEEPSTREAM_FOLDER.partition('/')[0]}"
)
_GB = 10**9
# While the engine takes an image, it has its archive on the disk too.
_COPIES = 2


def is_stood_in(current: Parameters) -> bool:
    """Return whether images start from the stand-in instead: where a GPU is stood in for too.

    Args:
        current: The parameters of the run.
    """
    return emulation.GPU in current.emulate


def require() -> str:
    """Return the name of the engine's image with DeepStream, from any registry and with any tag.

    Raises:
        Problem: The engine does not have it.
    """
    found = _in_engine()
    if not found:
        raise _absent()
    return found


def lack() -> str:
    """Return why there is no image with DeepStream to build on; empty if the engine has it or can be given it."""
    if _in_engine():
        return ""
    stored, unseen = _in_storage()
    return _too_large(stored) if stored else "; ".join([_absent().message, *unseen])


def lack_in_engine() -> str:
    """Return what has to be brought into the engine first; empty if the image is there or nowhere."""
    stored = None if _in_engine() else _in_storage()[0]
    return f"image {stored.name}: only in {stored.store.title} so far" if stored else ""


def ensure() -> str:
    """Bring the image with DeepStream into the engine if podman or buildah has it, and return its name.

    Raises:
        Problem: There is none, or the engine's disk has no room for it.
    """
    stored = None if _in_engine() else _in_storage()[0]
    if stored:
        if lacking := _too_large(stored):
            raise Problem(lacking, hint="docker system prune, or use a larger disk")
        progress.line(f"{stored.name}: copied from {stored.store.title} into Docker ({stored.size / _GB:.1f} GB)")
        stored.load()
    return require()


def _in_engine() -> str:
    try:
        tags = docker_images.tags()
    except connection.NoEngine:
        tags = []
    return max((tag for tag in tags if _is_deepstream(tag)), default="")


def _in_storage() -> tuple[Stored | None, list[str]]:
    """Return the image of podman or buildah, and the reasons why a store could not be looked into."""
    looked = [_looked_into(store) for store in containers_storage.stores()]
    found = [one for images, _ in looked for one in images if _is_deepstream(one.name)]
    unseen = [reason for _, reason in looked if reason]
    return max(found, key=lambda one: one.name, default=None), unseen


def _looked_into(store: Store) -> tuple[list[Stored], str]:
    """Return the images of a store, or the reason why it could not be looked into."""
    try:
        return store.images(), ""
    except Problem as problem:
        return [], problem.message


def _is_deepstream(name: str) -> bool:
    return archive.image_name(name) == controller.DEEPSTREAM


def _too_large(stored: Stored) -> str:
    """Return why the engine's disk has no room for an image; empty if it has, or if no engine says where it is."""
    try:
        folders = connection.data_folders(client.client())
    except connection.NoEngine:
        return ""
    free = min((Host().disk(folder)[0] for folder in folders), default=0)
    if free >= _COPIES * stored.size:
        return ""
    needed = _COPIES * stored.size / _GB
    return f"image {stored.name}: copying it into Docker takes {needed:.1f} GB for a time; {free / _GB:.1f} GB are free"


def _absent() -> Problem:
    return Problem(
        f"image {controller.DEEPSTREAM}: neither in Docker nor in a store of podman or buildah; it is built on a GPU",
        hint=BUILD,
    )

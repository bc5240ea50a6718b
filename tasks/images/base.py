"""The image that all others start from: pulled, or bootstrapped from the machine's apt sources."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.engines.docker import images as docker_images
from tasks.engines.host import rootfs
from tasks.images import building
from tasks.images.recipe import Definition
from tasks.settings import images, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.parameters.model import Parameters


def lack() -> Lack:
    """Return what differs between the engine's base and the one that this machine would bootstrap."""
    current = parameters.current()
    if current.base_from == "registry":
        return lacks.NOTHING
    return building.lack(images.tag(images.BASE, current), lambda: Definition(rootfs.digest(current.cache_dir)))


def build() -> None:
    """Bootstrap the base; one from a registry is pulled by the first build instead.

    Raises:
        Problem: It cannot be bootstrapped on this machine.
    """
    current = parameters.current()
    cache = current.cache_dir
    tag = images.tag(images.BASE, current)
    docker_images.import_rootfs(rootfs.bootstrap(cache), tag, labels={images.INPUTS_LABEL: rootfs.digest(cache)})


def identity(current: Parameters) -> str:
    """Return what identifies the base, whether or not it has been made."""
    return bootstrapped(current.cache_dir) if current.base_from == "bootstrap" else images.tag(images.BASE, current)


def linked(artifact: GoArtifact, current: Parameters) -> str:
    """Return what identifies the base if an artifact links its C libraries, else an empty string."""
    return identity(current) if artifact.compiler else ""


@cache
def bootstrapped(cache_dir: Path) -> str:
    """Return the digest of the root filesystem that this machine bootstraps, computed once."""
    return rootfs.digest(cache_dir)

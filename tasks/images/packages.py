"""The packages that node images take from apt repositories: which images will still install them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tasks.engines.docker import images as docker_images
from tasks.images import choices, runtime
from tasks.settings import images
from tasks.settings.packages import CRIO, REPOSITORIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.engines.host.facts import Host
    from tasks.settings.packages import Repository
    from tasks.settings.parameters.model import Parameters


def is_used(repository: Repository, current: Parameters, host: Host | None = None) -> bool:
    """Return whether the node images take packages from a repository with these parameters.

    Args:
        repository: A row of REPOSITORIES.
        current: The parameters of the run.
        host: The machine whose GPUs count; None for this one.
    """
    if repository == CRIO:
        return current.crio_from == "packages" and runtime.chosen(current) == runtime.CRIO
    return choices.is_gpu_lent(current, host)


def difference(repository: Repository, current: Parameters) -> tuple[str, ...]:
    """Return the parameters with which the engine's image was not made, as `name: old -> new`; nothing if it is there.

    Args:
        repository: A row of REPOSITORIES.
        current: The parameters of the run.

    Raises:
        Problem: No engine answers.
    """
    found = docker_images.find(images.tag(repository.image, current))
    if found is None:
        return (f"image {images.tag(repository.image, current)}: not there",)
    parts = json.loads(found.labels.get(images.PARTS_LABEL, "{}"))
    wanted = {name: str(getattr(current, name.lower())) for name in repository.parameters}
    return tuple(_changes(parts, wanted))


def _changes(before: dict[str, str], wanted: dict[str, str]) -> Iterable[str]:
    for name, value in wanted.items():
        if before.get(name) != value:
            yield f"{name}: {before.get(name, 'something else')} -> {value}"


def to_be_installed(current: Parameters) -> tuple[str, ...]:
    """Return what will be installed into images that are there already, because a parameter changed.

    Args:
        current: The parameters of the run.
    """
    used = (repository for repository in REPOSITORIES if is_used(repository, current))
    return tuple(line for repository in used for line in difference(repository, current))

"""What a cluster was made from, and what it would be made from now."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tasks.cluster import config
from tasks.engines.docker import containers as docker_containers
from tasks.gpu import sharing
from tasks.images import choices, node_images, runtime
from tasks.settings import cluster, gpu, images, paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.settings.parameters.model import Parameters

_LONGEST_SHOWN = 40
# It differs too if something more specific does.
_WHOLE = "kind config"
_PARAMETERS = ("K8S_VERSION", "KIND_VERSION", "NODE_RUNTIME", "POD_SUBNET", "SERVICE_SUBNET", "CNI")


def wanted(chosen: Parameters) -> dict[str, str]:
    """Return what the cluster would be made from now, under names that a user knows.

    Args:
        chosen: The parameters of the run.
    """
    facts = {name: str(getattr(chosen, name.lower())) for name in _PARAMETERS}
    facts["NODE_RUNTIME"] = runtime.chosen(chosen)
    facts["checkout"] = str(paths.ROOT)
    facts["node image"] = _identity(images.NODE_IMAGE, chosen)
    first = choices.node_image_name(gpu.NODE_SUFFIX, chosen)
    if first != images.NODE_IMAGE:
        facts["first worker's image"] = _identity(first, chosen)
    if sharing.Choice(chosen).is_share:
        facts["GPU"] = "share"
    facts[_WHOLE] = hashlib.sha256(config.rendered(chosen).encode()).hexdigest()
    return facts


def _identity(image: str, chosen: Parameters) -> str:
    """Return the digest of an image's recipe: an image that was put back, or that is still to be made, has the same."""
    return node_images.recipe(images.named(image), chosen).made_of.digest


def is_recorded(name: str, made_from: Mapping[str, str]) -> bool:
    """Return whether a cluster's record says exactly this; reading the record itself takes 25 times as long.

    Args:
        name: Name of the cluster.
        made_from: What it is made from.
    """
    return docker_containers.holds(_control_plane(name), cluster.RECORD, _record(made_from))


def ensure_record(name: str, made_from: Mapping[str, str]) -> None:
    """Ensure that the control plane holds a record of what its cluster is made from.

    Args:
        name: Name of the cluster.
        made_from: What it is made from.
    """
    if not is_recorded(name, made_from):
        docker_containers.copy_into(_control_plane(name), cluster.RECORD, _record(made_from))


def recorded(name: str) -> dict[str, str] | None:
    """Return what a cluster was made from, or None if kind never finished it."""
    try:
        content = docker_containers.read_from(_control_plane(name), cluster.RECORD)
        return json.loads(content) if content else None
    except ValueError:
        return None


def drift(recorded: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return what differs, old and new; the config as a whole only if nothing more specific differs."""
    names = [name for name in wanted if recorded.get(name) != wanted[name]]
    telling = [name for name in names if name != _WHOLE] or names
    return [f"{name} {_short(recorded.get(name, 'nothing'))} -> {_short(wanted[name])}" for name in telling]


def kept_by(recorded: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return the parameters with which a cluster is wanted as it is, for `.env`; empty if something else differs too.

    Args:
        recorded: What it was made from.
        wanted: What it would be made from now.
    """
    names = [name for name in wanted if recorded.get(name) != wanted[name] and name != _WHOLE]
    if not all(name in _PARAMETERS and name in recorded for name in names):
        return ""
    return " ".join(f"{name}={recorded[name]}" for name in names)


def _record(made_from: Mapping[str, str]) -> bytes:
    return json.dumps(made_from, indent=2).encode()


def _control_plane(name: str) -> str:
    return cluster.node_names(name)[0]


def _short(value: str) -> str:
    return value.removeprefix("sha256:")[:12] if len(value) > _LONGEST_SHOWN and "/" not in value else value

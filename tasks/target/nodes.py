"""The nodes of an existing cluster that run functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.settings import target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.kube.manifests import Object


def workers(nodes: Sequence[Object], named: Sequence[str], places: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names of the nodes that run functions: those that stand for a place first, in the order of places.

    Args:
        nodes: All nodes of the cluster.
        named: TARGET_WORKERS; empty for all that are schedulable and not of the control plane.
        places: TARGET_PLACES: a place and its node each.
    """
    found = named or [manifests.name_of(node) for node in nodes if is_usable(node)]
    first = [node for _, node in places if node in found]
    return (*first, *(name for name in (found if named else sorted(found)) if name not in first))


def is_usable(node: Object) -> bool:
    """Return whether a node takes pods and is not of the control plane."""
    return not node["spec"].get("unschedulable") and not is_control_plane(node)


def is_control_plane(node: Object) -> bool:
    """Return whether a node is marked as one of the control plane."""
    return bool((node["metadata"].get("labels") or {}).keys() & {*target.CONTROL_PLANE_ROLES})

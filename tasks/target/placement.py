"""Where managers run on a cluster whose control plane may be hidden or closed: pure functions on objects."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tasks.settings.target import CONTROL_PLANE_ROLES, HOST_NAME

if TYPE_CHECKING:
    from collections.abc import Collection


def without_control_plane(manager: dict[str, Any], workers: Collection[str]) -> dict[str, Any]:
    """Return a Deployment that runs on any amd64 Linux node, and on workers only where there is no other.

    Args:
        manager: The Deployment; it is not changed.
        workers: Names of the nodes that run functions.
    """
    changed = copy.deepcopy(manager)
    pod = changed["spec"]["template"]["spec"]
    kept = {key: value for key, value in pod.get("nodeSelector", {}).items() if key not in CONTROL_PLANE_ROLES}
    pod["nodeSelector"] = kept | {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    rule = {"key": HOST_NAME, "operator": "NotIn", "values": list(workers)}
    preferred = [{"weight": 100, "preference": {"matchExpressions": [rule]}}]
    pod.setdefault("affinity", {})["nodeAffinity"] = {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
    return changed


def with_tolerations(manager: dict[str, Any]) -> dict[str, Any]:
    """Return a Deployment that may run on nodes of the control plane.

    Args:
        manager: The Deployment; it is not changed.
    """
    changed = copy.deepcopy(manager)
    pod = changed["spec"]["template"]["spec"]
    asked = [{"key": role, "operator": "Exists", "effect": "NoSchedule"} for role in CONTROL_PLANE_ROLES]
    given = pod.get("tolerations", [])
    pod["tolerations"] = [*given, *(item for item in asked if item not in given)]
    return changed

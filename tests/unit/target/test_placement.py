"""Managers run where the control plane is hidden or closed, too."""

from __future__ import annotations

from typing import Any

from tasks.settings.target import CONTROL_PLANE_ROLES
from tasks.target import placement


def manager(**pod: object) -> dict[str, Any]:
    """Return a Deployment."""
    return {"kind": "Deployment", "spec": {"template": {"spec": pod}}}


def test_a_hidden_control_plane_is_not_asked_for_and_workers_are_the_last_choice() -> None:
    given = manager(nodeSelector={CONTROL_PLANE_ROLES[0]: "", "disk": "ssd"})
    spec = placement.without_control_plane(given, ("a",))["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"disk": "ssd", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    preferred = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    rules = preferred[0]["preference"]["matchExpressions"]
    assert rules == [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["a"]}]


def test_tolerations_are_added_once() -> None:
    once = placement.with_tolerations(manager())
    assert {item["key"] for item in once["spec"]["template"]["spec"]["tolerations"]} == set(CONTROL_PLANE_ROLES)
    assert placement.with_tolerations(once) == once

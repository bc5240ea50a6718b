"""Accounts, what they may do, and the bindings of both, as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.kube.manifests import Object

GROUP = "rbac.authorization.k8s.io"


def entitled(name: str, namespace: str, rules: Sequence[dict[str, Any]]) -> list[Object]:
    """Return an account with a role of its own, and the binding of both; all three have the same name.

    Args:
        name: The name.
        namespace: Namespace of the account.
        rules: What it may do, in all namespaces.
    """
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [*rules]},
        binding(name, name, (name, namespace)),
    ]


def binding(name: str, role: str, account: tuple[str, str]) -> Object:
    """Return what lets an account do what a role allows, in all namespaces.

    Args:
        name: Name of the binding.
        role: Name of the ClusterRole.
        account: Name and namespace of the account.
    """
    subject = {"kind": "ServiceAccount", "name": account[0], "namespace": account[1]}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }

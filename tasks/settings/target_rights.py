"""What this tool does in an existing cluster, as the rights that it needs there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tasks.settings import sriov, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_EXTENSIONS = "apiextensions.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_LOOKS = ("get", "list")
_CHANGES = (*_LOOKS, "create", "patch", "delete")


@dataclass(frozen=True)
class Right:
    """What may be done with objects of one kind, in all namespaces.

    Attributes:
        group: API group; empty for the core.
        resource: Plural name of the kind, perhaps with a subresource.
        verbs: What is done with them.
        kind: `version Kind`, for kinds whose objects this tool makes; empty for others.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    kind: str = ""

    def __str__(self) -> str:
        """Return its name for messages."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


RIGHTS: tuple[Right, ...] = (
    Right("", "nodes", _LOOKS),
    Right("", "events", _LOOKS),
    Right("", "namespaces", _CHANGES, "v1 Namespace"),
    Right("", "configmaps", _CHANGES, "v1 ConfigMap"),
    Right("", "secrets", _CHANGES, "v1 Secret"),
    Right("", "serviceaccounts", _CHANGES, "v1 ServiceAccount"),
    Right("", "services", _CHANGES, "v1 Service"),
    Right("", "pods", (*_CHANGES, "watch"), "v1 Pod"),
    Right("", "pods/log", ("get",)),
    # A connection by WebSocket counts as `get`, one by POST as `create`.
    Right("", "pods/exec", ("get", "create")),
    Right("apps", "deployments", _CHANGES, "apps/v1 Deployment"),
    Right("apps", "daemonsets", _CHANGES, "apps/v1 DaemonSet"),
    Right("apps", "replicasets", _LOOKS),
    Right("batch", "jobs", _CHANGES, "batch/v1 Job"),
    Right(_EXTENSIONS, "customresourcedefinitions", _CHANGES, f"{_EXTENSIONS}/v1 CustomResourceDefinition"),
    # The controller's roles hold rights that this tool itself does not need.
    *(
        Right(_RBAC, resource, (*_CHANGES, *more), f"{_RBAC}/v1 {kind}")
        for resource, kind, more in (
            ("clusterroles", "ClusterRole", ("bind", "escalate")),
            ("roles", "Role", ("bind", "escalate")),
            ("clusterrolebindings", "ClusterRoleBinding", ()),
            ("rolebindings", "RoleBinding", ()),
        )
    ),
    # What the GPU operator has made.
    Right("nvidia.com", "clusterpolicies", _LOOKS),
    Right("node.k8s.io", "runtimeclasses", _LOOKS),
    Right(target.GROUP, "*", _CHANGES),
)

_ADMISSION = "admissionregistration.k8s.io"
_NETWORKS = Right("k8s.cni.cncf.io", "network-attachment-definitions", _CHANGES)
# What else is done there for an add-on that is asked for, by its name.
OF_ADDONS: Mapping[str, tuple[Right, ...]] = {
    "metallb": (
        Right("metallb.io", "*", _CHANGES),
        Right(
            _ADMISSION,
            "validatingwebhookconfigurations",
            _CHANGES,
            f"{_ADMISSION}/v1 ValidatingWebhookConfiguration",
        ),
    ),
    "nvidia-k8s-ipam": (Right("nv-ipam.nvidia.com", "ippools", _CHANGES), _NETWORKS),
}


# What is done for virtual functions: their networks, and a look at the pools of addresses.
_FOR_FUNCTIONS = (_NETWORKS, Right("nv-ipam.nvidia.com", "ippools", _LOOKS))
# What is done with the SR-IOV network operator, if it is to make them.
FOR_POLICIES = (Right(sriov.GROUP, sriov.POLICIES, _CHANGES), Right(sriov.GROUP, sriov.STATES, _LOOKS))


def rights(addons: Iterable[str] = (), *, functions: bool = False, policies: bool = False) -> tuple[Right, ...]:
    """Return all rights that are needed.

    Args:
        addons: ADDONS.
        functions: Whether its nodes offer virtual functions.
        policies: Whether its SR-IOV network operator is asked for them.
    """
    of_addons = (right for name in addons for right in OF_ADDONS.get(name, ()))
    for_functions = (*(_FOR_FUNCTIONS if functions else ()), *(FOR_POLICIES if policies else ()))
    return (*RIGHTS, *for_functions, *of_addons)


def kinds(rights: Iterable[Right]) -> Iterator[tuple[str, str]]:
    """Yield the version and name of each kind whose objects this tool makes, besides the controller's own kinds.

    Args:
        rights: What it may do.
    """
    for right in rights:
        if right.kind:
            version, _, name = right.kind.partition(" ")
            yield version, name


def rules(rights: Iterable[Right]) -> list[dict[str, list[str]]]:
    """Return rights as the rules of a role: one for each group and list of verbs.

    Args:
        rights: The rights.
    """
    ordered = sorted({*rights}, key=lambda right: (right.group, right.verbs))
    return [
        {"apiGroups": [group], "resources": sorted(right.resource for right in members), "verbs": [*verbs]}
        for (group, verbs), members in groupby(ordered, key=lambda right: (right.group, right.verbs))
    ]

"""Immutable fields: which objects are recreated to change them, and which are left to the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.problems import Problem

if TYPE_CHECKING:
    from tasks.engines.kube.calls import Refused
    from tasks.engines.kube.manifests import Object

_INVALID = 422
# The error messages of Kubernetes for such fields (k8s.io/kubernetes/pkg/apis/*/validation).
_IMMUTABLE = re.compile(
    r"immutable|may not (be )?change|cannot (be )?change|updates to .* (is|are) forbidden", re.IGNORECASE | re.DOTALL
)

_PODS_START_ANEW = "its pods are stopped and started again"
_READ_AT_START = "pods that read it when they start keep the old content until they are restarted"
_RIGHTS = "its subjects lack these rights for a moment"
_ONLY_NEW = "what already uses it stays as it is"
# What recreating an object disturbs. Objects of other kinds hold or own something that would be lost with them.
RECREATED = {
    "Deployment": _PODS_START_ANEW,
    "DaemonSet": _PODS_START_ANEW,
    "StatefulSet": _PODS_START_ANEW,
    "ReplicaSet": _PODS_START_ANEW,
    "Pod": "it is stopped and started again",
    "Job": "its pods are stopped, and it runs again from its beginning",
    "Service": "connections through it break, and its address may be another one",
    "ConfigMap": _READ_AT_START,
    "Secret": _READ_AT_START,
    "RoleBinding": _RIGHTS,
    "ClusterRoleBinding": _RIGHTS,
    "StorageClass": _ONLY_NEW,
    "PriorityClass": _ONLY_NEW,
    "RuntimeClass": _ONLY_NEW,
    "IngressClass": _ONLY_NEW,
    "CSIDriver": _ONLY_NEW,
}
_LOST = {
    "CustomResourceDefinition": "all objects of its kind would go with it",
    "Namespace": "all that is in it would go with it",
    "PersistentVolume": "what is stored in it may be lost",
    "PersistentVolumeClaim": "what is stored in it would be lost",
}


def fields(refusal: Refused) -> tuple[str, ...]:
    """Return the immutable fields whose change was refused; none if anything else was wrong too.

    Args:
        refusal: The API server's error for an object.
    """
    changed = [cause for cause in refusal.causes if _IMMUTABLE.search(cause.message)]
    if refusal.status != _INVALID or len(changed) != len(refusal.causes):
        return ()
    return tuple(dict.fromkeys(cause.field for cause in changed))


def disturbance(item: Object, live: Object, changed: tuple[str, ...]) -> str:
    """Return what recreating an object disturbs.

    Args:
        item: The object as it should be.
        live: The object as it is.
        changed: The immutable fields that differ.

    Raises:
        Problem: It must not be recreated, because of its kind or because this tool did not create it.
    """
    named = f"{manifests.label_of(item)}: {', '.join(changed)} cannot be changed while the object exists"
    hint = f"if nothing in use depends on it: ./doit kubectl delete {_arguments(item)}; then the same command again"
    kind = item["kind"]
    if kind not in RECREATED:
        raise Problem(f"{named}; it is not made again: {_LOST.get(kind, 'what belongs to it may be lost')}", hint=hint)
    if manifests.CONTENT not in (live["metadata"].get("annotations") or {}):
        raise Problem(f"{named}, and it was not made by this tool", hint=hint)
    return RECREATED[kind]


def _arguments(item: Object) -> str:
    group = item["apiVersion"].rpartition("/")[0]
    namespace = manifests.namespace_of(item)
    inside = f"-n {namespace} " if namespace else ""
    return f"{inside}{item['kind'].lower()}{'.' + group if group else ''} {manifests.name_of(item)}"

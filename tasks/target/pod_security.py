"""Which level of Pod Security a pod needs at least, by its fields: pure functions on objects.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.settings.target import BASELINE, PRIVILEGED, RESTRICTED, SECURITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tasks.engines.kube.manifests import Object

_OF_HOST = ("hostNetwork", "hostPID", "hostIPC")
_BASELINE_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_RESTRICTED_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})
_RESTRICTED_VOLUMES = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
)
# What is not looked into any further: whoever sets it may need all.
_SPECIAL = ("sysctls", "seLinuxOptions", "procMount", "appArmorProfile", "windowsOptions")
_CONFINED = ("RuntimeDefault", "Localhost")


def level(pod: Mapping[str, Any]) -> str:
    """Return the lowest level that admits a pod, or a higher one where that is not plain.

    Args:
        pod: Its spec.
    """
    if any(_beyond_baseline(pod)):
        return PRIVILEGED
    return RESTRICTED if all(_within_restricted(pod)) else BASELINE


def labels(wanted: str) -> dict[str, str]:
    """Return the labels of a namespace whose pods need a level, whatever the cluster's own default is."""
    return {SECURITY: wanted}


def labelled(items: Iterable[Object]) -> list[Object]:
    """Return the objects of a part of the controller, its namespaces with the level that its workloads need.

    Args:
        items: The objects; they are not changed.
    """
    given = [*items]
    needed: dict[str, list[str]] = {}
    for item in given:
        pod = item.get("spec", {}).get("template", {}).get("spec")
        if pod:
            needed.setdefault(item["metadata"].get("namespace", ""), []).append(level(pod))
    return [_of_namespace(item, needed) if item["kind"] == "Namespace" else item for item in given]


def with_level(namespace: Object, wanted: str) -> Object:
    """Return a namespace with the label of a level.

    Args:
        namespace: The namespace; it is not changed.
        wanted: The level.
    """
    metadata = namespace["metadata"]
    return {**namespace, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels(wanted)}}}


def _of_namespace(item: Object, needed: Mapping[str, list[str]]) -> Object:
    found = needed.get(item["metadata"]["name"])
    order = (PRIVILEGED, BASELINE, RESTRICTED)
    return with_level(item, min(found, key=order.index)) if found else item


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]


def _context(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return one.get("securityContext") or {}


def _added(container: Mapping[str, Any]) -> set[str]:
    return {*((_context(container).get("capabilities") or {}).get("add") or ())}


def _beyond_baseline(pod: Mapping[str, Any]) -> Iterator[bool]:
    yield any(pod.get(field) for field in _OF_HOST)
    yield any("hostPath" in volume for volume in pod.get("volumes") or ())
    for one in (pod, *_containers(pod)):
        context = _context(one)
        yield bool(context.get("privileged")) or any(field in context for field in _SPECIAL)
        yield (context.get("seccompProfile") or {}).get("type", _CONFINED[0]) not in _CONFINED
        yield not _added(one) <= _BASELINE_CAPABILITIES
        yield any(port.get("hostPort") for port in one.get("ports") or ())


def _within_restricted(pod: Mapping[str, Any]) -> Iterator[bool]:
    yield all({*volume} - {"name"} <= _RESTRICTED_VOLUMES for volume in pod.get("volumes") or ())
    shared = _context(pod)
    for container in _containers(pod):
        context = {**shared, **_context(container)}
        yield context.get("allowPrivilegeEscalation") is False
        yield context.get("runAsNonRoot") is True and context.get("runAsUser") != 0
        yield (context.get("seccompProfile") or {}).get("type") in _CONFINED
        yield "ALL" in ((context.get("capabilities") or {}).get("drop") or ())
        yield _added(container) <= _RESTRICTED_CAPABILITIES

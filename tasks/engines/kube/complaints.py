"""Why pods are not ready: what their containers wait for, their last log lines and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.calls import Refused
from tasks.engines.kube.pod_exec import Container

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Kind, Object

_LOG_LINES = 15
_LOG_WIDTH = 300
_EVENTS = 8


class Reader(Protocol):
    """What is read from the cluster."""

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Object]:
        """Return the objects of a kind."""

    def logs(self, where: Container, *, since: str = "", tail: int = 0) -> str:
        """Return a container's log."""


def of_pods(cluster: Reader, namespace: str, selector: str = "") -> str:
    """Return why the pods that are not ready are not.

    Args:
        cluster: Where they are.
        namespace: Their namespace.
        selector: Only pods whose labels match: "app=x".
    """
    pods = [pod for pod in cluster.list(manifests.POD, namespace, selector) if not kube_state.is_pod_ready(pod)]
    return "\n".join(line for pod in pods for line in _complaints(cluster, pod))


def shortened(line: str) -> str:
    """Return a line of a log, shortened if it is too long to read."""
    return line if len(line) <= _LOG_WIDTH else f"{line[:_LOG_WIDTH]} ..."


def _complaints(cluster: Reader, pod: Object) -> list[str]:
    name, namespace = manifests.name_of(pod), manifests.namespace_of(pod)
    lines = [f"pod {namespace}/{name}: {pod.get('status', {}).get('phase', 'unknown')}"]
    for status in pod.get("status", {}).get("containerStatuses", []):
        lines += _complaints_of_container(cluster, pod, status)
    warnings = [event for event in cluster.list(manifests.EVENT, namespace) if _is_warning_about(event, name)]
    return lines + [f"  {event.get('reason')}: {event.get('message')}" for event in warnings[-_EVENTS:]]


def _complaints_of_container(cluster: Reader, pod: Object, status: Object) -> list[str]:
    if status.get("ready"):
        return []
    state: Object = next(iter(status.get("state", {}).values()), {})
    lines = [f"  {status['name']}: {state.get('reason', 'not ready')} {state.get('message', '')}".rstrip()]
    try:
        log = cluster.logs(Container.of(pod, status["name"]), tail=_LOG_LINES)
    except Refused:
        return lines  # a container that never started has no log
    return lines + [f"  {status['name']} | {shortened(line)}" for line in log.splitlines()]


def _is_warning_about(event: Object, name: str) -> bool:
    return event.get("type") == "Warning" and event.get("involvedObject", {}).get("name") == name

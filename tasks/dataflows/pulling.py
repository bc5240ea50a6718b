"""The images that nodes are pulling for the pods of a dataflow: shown with their size, and no reason to give up.

The kubelet says so in events only: while it pulls the first image of a pod, the pod's status does not change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks import progress
from tasks.dataflows import traffic
from tasks.engines.kube import manifests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

_PULLING = "Pulling"
# What the kubelet says of a container once its image is there, or cannot be had. A pull that failed may begin again.
_ENDS = frozenset({"Pulled", "Failed", "BackOff", "Created", "Started", "Killing"})
_CONTAINER = re.compile(r"\{(.+)\}$")
_TIMES = ("lastTimestamp", "eventTime", "firstTimestamp")
_SECONDS = len("2026-01-01T00:00:00")
# A pull of this many bytes takes so long that the user should still see it when the run has ended.
_LARGE = 1_000_000_000
# What a container that does not run yet waits for, where that says nothing.
_USUAL = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True)
class Pull:
    """An image that a node is pulling.

    Attributes:
        key: The function whose pod waits for it.
        node: The node.
        image: Full name of the image.
    """

    key: str
    node: str
    image: str


@dataclass
class Pulls:
    """Watches what is pulled for the pods of a dataflow.

    Attributes:
        flow: The dataflow.
        size: Returns how many bytes of an image are pulled, None if nobody knows.
        seen: The phrase for each pull that has been seen.
    """

    flow: Flow
    size: Callable[[str], int | None] = lambda _image: None
    seen: dict[Pull, str] = field(default_factory=dict)

    def now(self) -> list[str]:
        """Return what is being pulled, one phrase each."""
        pods = self.flow.pods()
        if all(_is_running(pod) for pod in pods.values()):
            return []
        return [
            self._phrase(pull) for pull in under_way(pods, self.flow.cluster.list(manifests.EVENT, self.flow.namespace))
        ]

    def _phrase(self, pull: Pull) -> str:
        if pull not in self.seen:
            size = self.size(pull.image)
            shown = f" ({traffic.size(size)})" if size else ""
            self.seen[pull] = f"{pull.node} pulls {pull.image}{shown} for {pull.key}"
            if (size or 0) >= _LARGE:
                progress.line(self.seen[pull])
        return self.seen[pull]


def under_way(pods: Mapping[str, Object], events: Iterable[Object]) -> list[Pull]:
    """Return what nodes are pulling for pods.

    Args:
        pods: The pods, by key.
        events: The events of their namespace.
    """
    last: dict[tuple[str, str], str] = {}
    for event in sorted(events, key=_order):
        about, reason = event.get("involvedObject", {}), str(event.get("reason", ""))
        container = _CONTAINER.search(str(about.get("fieldPath", "")))
        if container and (reason == _PULLING or reason in _ENDS):
            last[str(about.get("uid", "")), container[1]] = reason
    return [
        Pull(key, str(pod["spec"].get("nodeName", "")), str(container["image"]))
        for key, pod in pods.items()
        for container in pod["spec"].get("containers", [])
        if last.get((str(pod["metadata"].get("uid", "")), container["name"])) == _PULLING
    ]


def reasons(pod: Object) -> str:
    """Return what the containers of a pod wait for, such as ImagePullBackOff, in parentheses; empty for the usual."""
    return f" ({', '.join(found)})" if (found := sorted(set(_waiting(pod)) - _USUAL)) else ""


def _waiting(pod: Object) -> Iterator[str]:
    for status in pod.get("status", {}).get("containerStatuses", []):
        yield str(status.get("state", {}).get("waiting", {}).get("reason", ""))


def _is_running(pod: Object) -> bool:
    return str(pod.get("status", {}).get("phase", "")) == "Running" and not any(_waiting(pod))


def _order(event: Object) -> tuple[str, bool]:
    """Return the second of an event, and whether it ends a pull: of two in one second, the end comes last."""
    time = next((str(event[name]) for name in _TIMES if event.get(name)), "")
    return time[:_SECONDS], event.get("reason") != _PULLING

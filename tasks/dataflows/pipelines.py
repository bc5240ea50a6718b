"""The GStreamer pipelines of a video dataflow: one process in the pod of each function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.dataflows import containers
from tasks.engines.kube.pod_exec import Container
from tasks.settings import video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_LAST_LINES = 8


@dataclass(frozen=True)
class Pipelines:
    """The functions of a video pattern in the cluster.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
    """

    flow: Flow
    pods: Mapping[str, Object]

    @property
    def cluster(self) -> Kube:
        """The API."""
        return self.flow.cluster

    def idle(self) -> list[str]:
        """Return the keys of the functions in which no pipeline runs."""
        return [key for key, pod in self.pods.items() if not self._is_running(pod)]

    def evidence(self) -> str:
        """Return which functions run a pipeline, and the last lines of their logs."""
        lines: list[str] = []
        for hop in self.flow.pattern.hops:
            pod = self.pods[hop.key]
            running = "a pipeline runs" if self._is_running(pod) else "no pipeline runs"
            log = self.cluster.logs(Container.of(pod, containers.APP), tail=_LAST_LINES)
            lines += [f"{hop.key}: {running}", *(f"  {hop.key} | {line}" for line in log.splitlines())]
        return "\n".join(lines)

    def _is_running(self, pod: Object) -> bool:
        return bool(containers.processes(self.cluster, pod, video.PROGRAM))

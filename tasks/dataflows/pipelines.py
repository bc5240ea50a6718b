"""The GStreamer pipelines of a video dataflow: one process in the pod of each function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube.pod_exec import Container
from tasks.settings import video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

APP = "cpu-container0"
# Defines `ids`, which prints the ids of a program's processes.
IDS = """
ids() {
  for process in /proc/[0-9]*; do
    program=
    IFS= read -r -d '' program < "$process/cmdline"
    [[ ${program##*/} == "${1##*/}" ]] && echo "${process#/proc/}"
  done 2>/dev/null
  true
}
"""
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
        return [key for key, pod in self.pods.items() if not processes(self.cluster, pod)]

    def evidence(self) -> str:
        """Return which functions run a pipeline, and the last lines of their logs."""
        lines: list[str] = []
        for hop in self.flow.pattern.hops:
            pod = self.pods[hop.key]
            running = "a pipeline runs" if processes(self.cluster, pod) else "no pipeline runs"
            log = self.cluster.logs(Container.of(pod, APP), tail=_LAST_LINES)
            lines += [f"{hop.key}: {running}", *(f"  {hop.key} | {line}" for line in log.splitlines())]
        return "\n".join(lines)


def processes(cluster: Kube, pod: Object, program: str = video.PROGRAM) -> list[str]:
    """Return the ids of the processes that run a pipeline in a function's pod."""
    return run(cluster, pod, f'{IDS}ids "$0"', program).split()


def run(cluster: Kube, pod: Object, script: str, *words: str) -> str:
    """Run a script of bash in a function's container, and return its output.

    Args:
        cluster: The API.
        pod: The function's pod.
        script: The script.
        words: Its arguments, beginning with $0.

    Raises:
        Problem: It fails; the details are its own words.
    """
    return cluster.exec(Container.of(pod, APP), ["bash", "-c", script, *words])

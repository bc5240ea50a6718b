"""The GStreamer pipelines of a video dataflow: one process in the pod of each function, and whether it takes data yet.

A process is not enough: an inference engine may load for minutes. A pipeline takes data once its port is bound and it
does not say that it is still loading: gst-launch binds the port first, loads in the state PAUSED, and says so. A user's
function may be another program that takes data at that port.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.dataflows import containers
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import controller, video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_LAST_LINES = 8
# What an engine says while it loads comes after the pipeline's own word.
_SEARCHED_LINES = 1000
# A pipeline starts some seconds after its pod is Ready. One that has not run for longer has failed.
_START_SECONDS = 60.0
# Prints the ids of the processes in one line, then the UDP sockets of the pod.
LOOK = f'{containers.IDS}echo $(ids "$0"); cat /proc/net/udp*'
ABSENT = "no pipeline runs"
_UNBOUND = "does not listen on UDP {} yet"
_LOADING = "is loading"
_WORD = re.compile(r"^Setting pipeline to (\w+)", re.MULTILINE)
_BUSY = "PAUSED"


@dataclass(frozen=True)
class Pipelines:
    """The functions of a video pattern in the cluster.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        grace: Seconds for which a function may run no pipeline before it counts as failed.
    """

    flow: Flow
    pods: Mapping[str, Object]
    grace: float = _START_SECONDS

    @property
    def cluster(self) -> Kube:
        """The API."""
        return self.flow.cluster

    def missing(self) -> dict[str, str]:
        """Return what each function lacks before it takes data, by key; nothing of those that do."""
        found = {key: self._lack(key) for key in self.pods}
        return {key: reason for key, reason in found.items() if reason}

    def wait(self) -> None:
        """Wait until every function takes data.

        Raises:
            Problem: In one of them, no pipeline has run for a minute; or they are not ready within PIPELINE_DEADLINE.
        """
        absence = _Absence(self)
        waiting.Condition(
            f"{self.flow.name}: a pipeline that takes data in each function",
            self.missing,
            absence.is_over,
            describe=lambda missing: ", ".join(f"{key}: {reason}" for key, reason in missing.items()),
        ).wait(self.flow.deadlines.pipeline, explain=self.evidence, hint=self.flow.redeployment)

    def evidence(self) -> str:
        """Return what each function lacks, and the last lines of their logs."""
        lines: list[str] = []
        for hop in self.flow.pattern.hops:
            pod = self.pods[hop.key]
            log = self.cluster.logs(containers.app(pod), tail=_LAST_LINES)
            lines += [
                f"{hop.key}: {self._lack(hop.key) or 'a pipeline takes data'}",
                *(f"  {hop.key} | {line}" for line in log.splitlines()),
            ]
        return "\n".join(lines)

    @property
    def _others(self) -> frozenset[str]:
        """Keys of the functions that may run another program, which is the user's own."""
        known = {image.name for image in controller.FUNCTION_IMAGES}
        return frozenset(hop.key for hop in self.flow.pattern.hops if hop.image not in known)

    def _lack(self, key: str) -> str:
        pod = self.pods[key]
        ids, _, sockets = containers.run(self.cluster, pod, LOOK, video.PROGRAM).partition("\n")
        if not ids.strip() and (key not in self._others or not is_bound(video.PORT, sockets)):
            return ABSENT
        if not is_bound(video.PORT, sockets):
            return _UNBOUND.format(video.PORT)
        said = _WORD.findall(self.cluster.logs(containers.app(pod), tail=_SEARCHED_LINES))
        return _LOADING if said and said[-1] == _BUSY else ""


@dataclass
class _Absence:
    """Since when functions have run no pipeline: too long a time ends the wait.

    Attributes:
        pipelines: The functions.
        since: The time at which each was first seen without one, by key.
    """

    pipelines: Pipelines
    since: dict[str, float] = field(default_factory=dict)

    def is_over(self, missing: Mapping[str, str]) -> bool:
        """Return whether nothing is missing.

        Args:
            missing: What each function lacks.

        Raises:
            Problem: One has run no pipeline for too long.
        """
        now = time.monotonic()
        self.since = {key: self.since.get(key, now) for key, reason in missing.items() if reason == ABSENT}
        gone = [key for key, start in self.since.items() if now - start >= self.pipelines.grace]
        if gone:
            flow = self.pipelines.flow
            raise Problem(
                f"{flow.name}: no pipeline has run in {', '.join(gone)} for {self.pipelines.grace:.0f} s",
                hint=flow.redeployment,
                details=self.pipelines.evidence(),
            )
        return not missing


def is_bound(port: int, sockets: str) -> bool:
    """Return whether a port is bound.

    Args:
        port: The port.
        sockets: The text of /proc/net/udp and /proc/net/udp6, whose second column has the port.
    """
    rows = [line.split() for line in sockets.splitlines()]
    return any(len(row) > 1 and row[1].endswith(f":{port:04X}") for row in rows)

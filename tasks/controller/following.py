"""Follows the logs of all parts of the controller: of every pod, and of those that take their place."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import deployment
from tasks.engines.kube import manifests
from tasks.engines.kube.pod_exec import Container
from tasks.engines.kube.streams import DELETED, LISTED
from tasks.problems import Problem
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tasks.controller.deployment import Controller
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.engines.kube.streams import Change

# Of a pod that runs already, so many lines are shown of what it wrote before.
_TAIL = 10
# Seconds until a log whose connection ended is asked for again.
_PAUSE = 1.0
_COLOURS = (36, 33, 32, 35, 34, 31, 96, 93, 92, 95, 94, 91)


@dataclass(frozen=True)
class Part:
    """A part of the controller: its name, and where its pods are."""

    name: str
    namespace: str
    labels: Mapping[str, str]

    def has(self, pod: Object) -> bool:
        """Return whether a pod is one of this part."""
        labels = pod["metadata"].get("labels") or {}
        return manifests.namespace_of(pod) == self.namespace and self.labels.items() <= labels.items()


@dataclass(frozen=True)
class Line:
    """A line of a log, with the part and the end of the name of the pod that wrote it."""

    part: str
    pod: str
    text: str


def follow(*, coloured: bool) -> None:
    """Show what all parts of the deployed controller write, until a signal ends it.

    Args:
        coloured: Whether each part has a colour.

    Raises:
        Problem: There is no cluster, or it does not answer any more.
    """
    chosen = parameters.current()
    deployed = deployment.of(chosen)
    parts = parts_of(deployed)
    progress.line(f"Following the logs of {', '.join(part.name for part in parts)}; Ctrl-C ends only this")
    for line in shown(lines(deployed.cluster, parts), parts, coloured=coloured):
        progress.line(line)


def parts_of(deployed: Controller) -> tuple[Part, ...]:
    """Return the parts of a controller as it is to be deployed."""
    return tuple(
        Part(name, manifests.namespace_of(item), item["spec"]["selector"]["matchLabels"])
        for name, item in deployed.workloads().items()
    )


def shown(said: Iterable[Line], parts: Sequence[Part], *, coloured: bool) -> Iterator[str]:
    """Yield lines as they are shown: behind the part and the pod.

    Args:
        said: The lines.
        parts: All parts.
        coloured: Whether each part has a colour.
    """
    width = max((len(part.name) for part in parts), default=0)
    colours = dict(zip((part.name for part in parts), cycle(_COLOURS), strict=False))
    for line in said:
        prefix = f"{line.part:<{width}} {line.pod} |"
        yield f"\x1b[{colours[line.part]}m{prefix}\x1b[0m {line.text}" if coloured else f"{prefix} {line.text}"


def lines(cluster: Kube, parts: Sequence[Part]) -> Iterator[Line]:
    """Yield the lines of all pods of some parts as they are written, without end.

    Args:
        cluster: The cluster.
        parts: The parts, whose pods may not be there yet.

    Raises:
        Problem: The cluster does not answer any more.
    """
    following = _Following(cluster, parts)
    threading.Thread(target=following.find, daemon=True).start()
    try:
        while True:
            found = following.found.get()
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        following.end()


@dataclass(frozen=True)
class _Run:
    """One run of a container; it has ended once the event is set."""

    part: str
    where: Container
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Following:
    """Finds pods, and reads the log of each run of their containers on a thread of its own."""

    cluster: Kube
    parts: Sequence[Part]
    found: queue.SimpleQueue[Line | Exception] = field(default_factory=queue.SimpleQueue)
    runs: dict[tuple[str, str], dict[str, _Run]] = field(default_factory=dict)
    over: bool = False

    def end(self) -> None:
        """Look at no more pods, and ask for no log again."""
        self.over = True
        for run in [run for known in list(self.runs.values()) for run in list(known.values())]:
            run.ended.set()

    def find(self) -> None:
        """Look at pods as they come, change and go."""
        try:
            for change in self.cluster.streams.changes(manifests.POD):
                if self.over:
                    return
                for part in self.parts:
                    if part.has(change.item):
                        self._consider(part, change)
        except Exception as error:  # noqa: BLE001 - whoever reads the lines is told, also of a bug
            self.found.put(error)

    def _consider(self, part: Part, change: Change) -> None:
        pod = change.item
        for status in pod.get("status", {}).get("containerStatuses", []):
            known = self.runs.setdefault((pod["metadata"]["uid"], status["name"]), {})
            identifier = status.get("containerID", "")
            if identifier and identifier not in known and change.what != DELETED:
                known[identifier] = _Run(part.name, Container.of(pod, status["name"]))
                tail = _TAIL if change.what == LISTED else 0
                threading.Thread(target=self._read, args=(known[identifier], tail), daemon=True).start()
            goes_on = "running" in status.get("state", {}) and change.what != DELETED
            for ended in (run for name, run in known.items() if name != identifier or not goes_on):
                ended.ended.set()

    def _read(self, run: _Run, tail: int) -> None:
        """Read a log to the end of the run, again where the connection ended before."""
        since, pod = "", run.where.pod.rpartition("-")[2]
        while True:
            try:
                for said in self.cluster.streams.log(run.where, since=since, tail=0 if since else tail):
                    since = said.when
                    self.found.put(Line(run.part, pod, said.text))
            except Problem:
                pass  # whether the cluster still answers, the search for pods finds out
            # The next run of the container has the same name, and its own reader.
            if run.ended.wait(_PAUSE):
                return

"""What goes on in a cluster as it happens: changes of objects, and the lines of logs."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.programs.waiting import Passing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.calls import Requests
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.pod_exec import Container
    from tasks.engines.kube.served import Served

LISTED, DELETED = "LISTED", "DELETED"
_ERROR = "ERROR"
# Seconds after which the server ends a watch, which begins again then.
_WATCH = "50"


@dataclass(frozen=True)
class Change:
    """What happened to an object: LISTED for one that was there already, else the server's word, such as DELETED."""

    what: str
    item: Object


@dataclass(frozen=True)
class Said:
    """A line of a log, and when it was written, in RFC 3339 with nanoseconds."""

    when: str
    text: str


@dataclass(frozen=True)
class Streams:
    """Streams of an API server."""

    requests: Requests
    served: Served

    def changes(self, kind: Kind) -> Iterator[Change]:
        """Yield the objects of a kind in all namespaces, and then each change, without end.

        What happened while a connection was broken is yielded as LISTED objects.

        Args:
            kind: What to watch.

        Raises:
            Problem: The server refuses it, or does not answer any more.
        """
        path = self.served.resource(kind).path("")
        while True:
            answer = self.requests.read_object(path)
            yield from (Change(LISTED, item) for item in answer["items"])
            seen = answer["metadata"]["resourceVersion"]
            with contextlib.suppress(Passing):
                yield from self._since(path, seen)

    def _since(self, path: str, seen: str) -> Iterator[Change]:
        """Yield the changes since a list, until the server ends that or no longer knows the list's version."""
        while True:
            query = {"watch": "true", "resourceVersion": seen, "timeoutSeconds": _WATCH}
            for line in self.requests.lines(path, query):
                event = json.loads(line)
                if event["type"] == _ERROR:
                    return
                seen = event["object"]["metadata"]["resourceVersion"]
                yield Change(event["type"], event["object"])

    def log(self, where: Container, *, since: str = "", tail: int = 0) -> Iterator[Said]:
        """Yield the lines of a container's log as they are written, until the container or the connection ends.

        Args:
            where: The container.
            since: Only the lines after this time, as `Said` has it.
            tail: Only this many of the last lines, and those to come; 0 for all.

        Raises:
            Problem: The server refuses it, or does not answer.
        """
        query = {"container": where.name, "follow": "true", "timestamps": "true", "sinceTime": since}
        path = f"{self.served.resource(manifests.POD).path(where.namespace, where.pod)}/log"
        asked = {**query, "tailLines": str(tail or "")}
        for line in self.requests.lines(path, {key: value for key, value in asked.items() if value}):
            when, _, text = line.decode(errors="replace").rstrip("\r\n").partition(" ")
            # The server knows only whole seconds.
            if when > since:
                yield Said(when, text)

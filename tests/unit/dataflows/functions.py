"""A deployed dataflow for unit tests: the objects of its functions, and what its containers answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tasks.dataflows.flow import Deadlines, Flow
from tasks.engines.kube import manifests
from tasks.patterns import model, reading
from tasks.problems import Problem
from tasks.scenarios import files
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.pod_exec import Container, Ending
    from tasks.patterns.model import Pattern

UUID = "gpu-0f3c"
NETWORKS = "k8s.v1.cni.cncf.io/network-status"


_OWN = """
namespace: mine
dataflow: df-mine
functions:
  - {key: send, image: cpufunc_calcapp}
  - {key: square, image: square}
  - {key: rcv, image: cpufunc_calcapp}
verify:
"""


def own(verify: str) -> Pattern:
    """Return a user's pattern with a function that is no calcapp.

    Args:
        verify: What its pattern.yaml says of its verification: "{log: [...]}".
    """
    read = reading.read(f"{_OWN}  {verify}\n".encode(), "work/patterns/mine/pattern.yaml")
    assert not read.complaints
    return model.made("mine", "work/patterns/mine/pattern.yaml", read.spec, is_own=True)[0]


def _nothing(_pod: str, _argv: Sequence[str]) -> str:
    return ""


@dataclass(eq=False)
class Functions:
    """A cluster with the pods of a pattern.

    Attributes:
        pattern: The pattern.
        answer: Returns what a program in a container prints, from the name of its pod and the program's words.
        log: The log of every container.
        objects: Objects of other kinds.
        asked: The containers that were asked, each as pod and container.
        endings: How commands end, in this order; those after them do not end in time.
    """

    pattern: Pattern
    answer: Callable[[str, Sequence[str]], str] = _nothing
    log: str = ""
    objects: dict[Kind, list[Object]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)

    def pod_name(self, key: str) -> str:
        device = f"mps-dgpu-{UUID}" if key == "dsa" else "cpu"
        return f"{self.pattern.dataflow}-wbfunction-{key}-{device}-pod"

    def pod(self, key: str, node: str = "") -> Object:
        number = [hop.key for hop in self.pattern.hops].index(key)
        networks = [{"name": "cbr0", "ips": [f"10.0.0.{number}"]}]
        second = {"name": f"{self.pattern.namespace}/sriov-ipam-config", "ips": [f"192.168.20.{40 + number}"]}
        return {
            "metadata": {
                "name": self.pod_name(key),
                "namespace": self.pattern.namespace,
                "uid": f"uid-{key}",
                "annotations": {NETWORKS: json.dumps([*networks, second])} if self.pattern.vfs else {},
            },
            "spec": {"nodeName": node or self.pattern.nodes(("kind-worker", "kind-worker2")).get(key, "kind-worker")},
            "status": {"phase": "Running", "podIP": f"10.0.0.{number}"},
        }

    @property
    def pods(self) -> dict[str, Object]:
        return {hop.key: self.pod(hop.key) for hop in self.pattern.hops}

    def told(self, before: str, host: str, port: int) -> Object:
        """Return the ConfigMap that tells a function where the next one is."""
        config = {"ips": [host], "ports": [{"port": port, "protocol": "TCP"}]}
        return {
            "metadata": {"name": f"ethcrl.{self.pod_name(before)}", "namespace": self.pattern.namespace},
            "data": {"config": json.dumps(config)},
        }

    def flow(self, **deadlines: float) -> Flow:
        cluster = cast("Kube", self)
        seconds = Deadlines(**{"dataflow": 1.0, "controller": 1.0, "pipeline": 1.0, **deadlines})
        return Flow(cluster, self.pattern, files.of(cluster, self.pattern, lab()), seconds)

    def exec(self, where: Container, argv: Sequence[str], **_: Any) -> str:
        self.asked.append((where.pod, where.name))
        return self.answer(where.pod, argv)

    def ending(self, where: Container, argv: Sequence[str], **_: Any) -> Ending:
        self.asked.append((where.pod, where.name))
        if not self.endings:
            raise Problem(f"{argv[0]} in pod {where.pod}: did not end within 30 s", details="so far")
        return self.endings.pop(0)

    def logs(self, where: Container, **_: Any) -> str:
        self.asked.append((where.pod, where.name))
        return self.log

    def list(self, kind: Kind, *_: Any) -> list[Object]:
        return [*self.pods.values()] if kind == manifests.POD else self.objects.get(kind, [])

    def get(self, kind: Kind, name: str, *_: Any) -> Object | None:
        return next((one for one in self.objects.get(kind, []) if one["metadata"]["name"] == name), None)

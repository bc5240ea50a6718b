"""tasks.dataflows.pulling: which images nodes are pulling, by the kubelet's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import pulling
from tasks.dataflows.pulling import Pull, Pulls
from tasks.engines.kube import manifests
from tasks.patterns import known
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object
    from tests.unit.conftest import Lines

DSA = "registry.example/images/gpufunc_dsa:1"
SIDECAR = "registry.example/images/cpufunc_sidecar:1"


@dataclass
class Waiting(Functions):
    """A dataflow whose pod of dsa waits for its images."""

    reason: str = "ContainerCreating"

    def pod(self, key: str, node: str = "") -> Object:
        pod = super().pod(key, node)
        if key == "dsa":
            containers = [{"name": "gpu-container0", "image": DSA}, {"name": "gpu-container1", "image": SIDECAR}]
            pod["spec"]["containers"] = containers
            waiting = {"waiting": {"reason": self.reason}}
            pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "gpu-container0", "state": waiting}]}
        return pod


def event(reason: str, second: int, container: str = "gpu-container0", uid: str = "uid-dsa") -> dict[str, Any]:
    return {
        "reason": reason,
        "lastTimestamp": f"2026-01-01T00:00:{second:02}Z",
        "involvedObject": {"uid": uid, "fieldPath": f"spec.containers{{{container}}}"},
    }


PULL = Pull("dsa", "kind-worker", DSA)


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], []),
        ([event("Pulling", 1)], [PULL]),
        ([event("Pulled", 9), event("Pulling", 1)], []),
        # Within one second.
        ([event("Pulled", 1), event("Pulling", 1)], []),
        ([event("Pulling", 1), event("Failed", 4), event("BackOff", 5)], []),
        # Tried again.
        ([event("Failed", 4), event("BackOff", 5), event("Pulling", 9)], [PULL]),
        ([event("Pulling", 1), event("Pulled", 3), event("Pulling", 4, "gpu-container1")], [
            Pull("dsa", "kind-worker", SIDECAR)
        ]),
        # Of an earlier pod with the same name.
        ([event("Pulling", 1, uid="uid-of-before")], []),
        ([{"reason": "Pulling", "involvedObject": {}}], []),
    ],
)  # fmt: skip
def test_an_image_is_pulled_until_an_event_says_how_that_ended(events: list[dict[str, Any]], found: list[Pull]) -> None:
    assert pulling.under_way(Waiting(known.named("p2c1")).pods, events) == found


@pytest.mark.parametrize(
    ("size", "shown", "lines"),
    [(22_400_000_000, " (22.4 GB)", 1), (90_000_000, " (90.0 MB)", 0), (None, "", 0)],
)
def test_a_pull_is_shown_with_its_size_and_a_large_one_stays_on_the_terminal(
    size: int | None, shown: str, lines: int, said: Lines
) -> None:
    functions = Waiting(known.named("p2c1"), objects={manifests.EVENT: [event("Pulling", 1)]})
    asked: list[str] = []

    def ask(image: str) -> int | None:
        asked.append(image)
        return size

    pulls = Pulls(functions.flow(), ask)
    phrase = f"kind-worker pulls {DSA}{shown} for dsa"
    assert [pulls.now(), pulls.now()] == [[phrase], [phrase]]
    assert (asked, said.kept) == ([DSA], [phrase] * lines)


def test_nothing_is_pulled_for_pods_that_run() -> None:
    functions = Functions(known.named("p2c1"), objects={manifests.EVENT: [event("Pulling", 1)]})
    assert Pulls(functions.flow()).now() == []


@pytest.mark.parametrize(
    ("reason", "shown"), [("ImagePullBackOff", " (ImagePullBackOff)"), ("ContainerCreating", ""), ("", "")]
)
def test_what_a_pod_waits_for_is_said_unless_it_is_the_usual(reason: str, shown: str) -> None:
    assert pulling.reasons(Waiting(known.named("p2c1"), reason=reason).pod("dsa")) == shown

"""What tests of dataflows on a real API server share: a pattern, its objects, and an acted controller."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tasks.controller.kinds import state
from tasks.dataflows import deployment as dataflows_deployment
from tasks.dataflows import flow as flows
from tasks.engines.kube.calls import Body
from tasks.patterns import known
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.patterns.model import Pattern

PATTERN = known.named("calcapp-basic")
SAMPLE = paths.SRC / "sample-controller"
# The status of a FunctionTarget without room.
TARGET = {
    "regionName": "cpu",
    "regionType": "cpu",
    "nodeName": "one",
    "deviceType": "cpu",
    "deviceIndex": 0,
    "available": True,
    "maxFunctions": 110,
    "currentFunctions": 110,
}


def wait_at_most(monkeypatch: pytest.MonkeyPatch, **deadlines: float) -> None:
    """Set deadlines, in seconds, that are shorter than a user may choose."""
    shorter = parameters.current().model_copy(update=deadlines)
    monkeypatch.setattr(parameters, "current", lambda: shorter)


def fault(pattern: Pattern) -> str:
    return dataflows_deployment._fault(flows.of(pattern.name, parameters.current()))


def set_status(api: Kube, item: Object, status: dict[str, Any]) -> None:
    """Set the status of an object, as its controller or a kubelet would."""
    path = f"{api._served.path_of(item)}/status"
    api._requests.send("PATCH", path, {}, Body({"status": status}, "application/merge-patch+json"))


def set_state(api: Kube, item: Object, word: str, **more: Any) -> None:
    """Set the word that a controller uses for the state of an object, and more of its status."""
    set_status(api, item, {"status": word, **more})


class Acting:
    """Plays the controller until it is stopped: gives each object the state that `decide` returns.

    Attributes:
        namespace: Where the objects are; empty for all namespaces.
    """

    namespace = PATTERN.namespace

    def __init__(self, api: Kube, kinds: tuple[Kind, ...], decide: Callable[[Object], str]) -> None:
        self._api, self._kinds, self._decide = api, kinds, decide
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._act)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _act(self) -> None:
        while not self._stop.wait(0.05):
            for kind in self._kinds:
                for item in self._api.list(kind, self.namespace):
                    word = self._decide(item)
                    if word != state(item):
                        set_state(self._api, item, word)


def function_pods(*images: str) -> list[Object]:
    containers = [{"name": f"cpu-container{index}", "image": image} for index, image in enumerate(images)]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"df-calcapp-wbfunction-{hop.key}-cpu-pod", "namespace": PATTERN.namespace},
            "spec": {"containers": containers},
        }
        for hop in PATTERN.hops
    ]


def event(key: str, kind: str, reason: str, message: str) -> Object:
    pod = {"kind": "Pod", "namespace": PATTERN.namespace, "name": f"df-calcapp-wbfunction-{key}-cpu-pod"}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{key}.1", "namespace": PATTERN.namespace},
        "involvedObject": pod,
        "type": kind,
        "reason": reason,
        "message": message,
    }

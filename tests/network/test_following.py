"""tasks.controller.following on a real API server: pods come, go and begin again, and a stand-in serves their logs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller import following
from tasks.controller.following import Line, Part
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tests.network import kubelet as stand_in
from tests.network.contract import set_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tests.network.kubelet import Kubelet

NODE = "node-with-logs"


@pytest.fixture
def namespace(api: Kube) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.apply([manifests.namespace(name)])
    return name


@pytest.fixture
def kubelet(api: Kube, tmp_path: Path) -> Iterator[Kubelet]:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
    with stand_in.serving(tmp_path) as served:
        api.apply([node])
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
        set_status(api, node, {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": served.port}}})
        yield served
        api.delete(manifests.NODE, NODE)


@pytest.fixture
def parts(namespace: str) -> tuple[Part, ...]:
    return tuple(Part(name, namespace, {"app": name}) for name in ("one", "two"))


@pytest.fixture
def said(api: Kube, parts: tuple[Part, ...], kubelet: Kubelet) -> Iterator[Iterator[Line]]:
    lines = following.lines(api, parts)
    yield lines
    lines.close()  # type: ignore[attr-defined]


def run(api: Kube, namespace: str, name: str, identifier: str = "first") -> None:
    """Create a pod, as a Deployment would, or let its container run under another identifier."""
    spec = {
        "nodeName": NODE,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "manager", "image": "x:1"}],
    }
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name.partition("-")[0], "more": "x"}}
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    api.apply([pod])
    status = {
        "name": "manager", "image": "x:1", "imageID": "x", "ready": True, "restartCount": 0,
        "containerID": f"runtime://{identifier}", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }  # fmt: skip
    set_status(api, pod, {"phase": "Running", "containerStatuses": [status]})


def test_a_pod_is_followed_and_so_is_the_one_that_takes_its_place(
    api: Kube, namespace: str, kubelet: Kubelet, said: Iterator[Line]
) -> None:
    run(api, namespace, "one-aaaaa")
    run(api, namespace, "three-aaaaa")
    kubelet.say("three-aaaaa", "not a part")
    kubelet.say("one-aaaaa", "hello")
    assert next(said) == Line("one", "aaaaa", "hello")
    kubelet.say("one-aaaaa", "more")
    assert next(said) == Line("one", "aaaaa", "more")
    api.delete(manifests.POD, "one-aaaaa", namespace)
    kubelet.forget("one-aaaaa")
    run(api, namespace, "one-bbbbb")
    kubelet.say("one-bbbbb", "hello again")
    assert next(said) == Line("one", "bbbbb", "hello again")


def test_a_part_that_is_not_there_yet_is_picked_up(
    api: Kube, namespace: str, kubelet: Kubelet, said: Iterator[Line]
) -> None:
    run(api, namespace, "one-aaaaa")
    kubelet.say("one-aaaaa", "hello")
    assert next(said).part == "one"
    run(api, namespace, "two-aaaaa")
    kubelet.say("two-aaaaa", "late")
    assert next(said) == Line("two", "aaaaa", "late")


def test_a_container_that_begins_again_is_followed_from_its_first_line(
    api: Kube, namespace: str, kubelet: Kubelet, said: Iterator[Line]
) -> None:
    run(api, namespace, "one-aaaaa")
    kubelet.say("one-aaaaa", "hello")
    assert next(said).text == "hello"
    kubelet.forget("one-aaaaa")
    run(api, namespace, "one-aaaaa", "second")
    for text in ("first line", "second line"):
        kubelet.say("one-aaaaa", text)
    assert [next(said).text for _ in range(2)] == ["first line", "second line"]


def test_a_connection_that_breaks_is_made_again_and_no_line_comes_twice(
    api: Kube, namespace: str, kubelet: Kubelet, said: Iterator[Line]
) -> None:
    run(api, namespace, "one-aaaaa")
    for number in range(3):
        kubelet.say("one-aaaaa", str(number))
        assert next(said).text == str(number)
        kubelet.hang_up()
    kubelet.say("one-aaaaa", "last")
    assert next(said).text == "last"
    assert kubelet.asked[0].keys() == {"follow", "timestamps"} | ({"tailLines"} & kubelet.asked[0].keys())
    assert "sinceTime" in kubelet.asked[-1]


def test_of_a_pod_that_ran_before_only_the_last_lines_are_asked_for(
    api: Kube, namespace: str, kubelet: Kubelet, said: Iterator[Line]
) -> None:
    run(api, namespace, "one-aaaaa")
    kubelet.say("one-aaaaa", "hello")
    assert next(said).text == "hello"
    assert kubelet.asked[0]["tailLines"] == ["10"]


def test_a_server_that_refuses_ends_it_with_a_line(
    api: Kube, parts: tuple[Part, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Problem("the API does not answer")

    monkeypatch.setattr(api._requests, "read_object", refuse)
    with pytest.raises(Problem, match="the API does not answer"):
        next(following.lines(api, parts))

"""What bare `./doit` shows of an engine, a cluster and dataflows; tests/graph covers the page without them."""

from __future__ import annotations

import json
import socket
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller.kinds import DATA_FLOW
from tasks.engines.docker import client
from tasks.overview import page as overview_page
from tasks.patterns import known
from tasks.settings import images, parameters, paths
from tests.exec_server import kubeconfig
from tests.unit import own_patterns
from tests.unit.engine import Engine, Image, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.kube_api import KubeApi


@pytest.fixture
def world(engine: Engine, checkout: Path, choose: Callable[..., None]) -> Engine:
    """An engine with one image of the chain, and no cluster."""
    choose(CACHE_DIR=str(checkout / "cache"), NODE_RUNTIME="containerd")
    engine.images[images.tag("kind-ubuntu", parameters.current())] = Image()
    return engine


@pytest.fixture
def api(world: Engine, kube_api: KubeApi) -> KubeApi:
    """The API of a cluster with one node and without any of the controller's resource kinds."""
    world.containers["kind-control-plane"] = node("kind")
    kube_api.lead_to("kind")
    return kube_api


def page(deadline: float = 60.0) -> str:
    lines = list(overview_page.page(deadline))
    text = "\n".join(lines)
    assert text.count("\n") < 24
    assert all(len(line) <= 80 for line in text.splitlines())
    return text


def test_engine_images_and_an_absent_cluster(world: Engine) -> None:
    text = page()
    assert f"engine      Docker {world.version} at {world.url}" in text
    assert "images      1 of 4 there; not yet: kind-ubuntu-node:" in text
    assert "cluster     kind: not there" in text
    assert "dataflows   none without a cluster" in text


def test_a_cluster_without_dataflows_is_offered_one(api: KubeApi) -> None:
    text = page()
    assert "cluster     kind: 1 of 1 nodes run" in text
    assert "dataflows   none\n" in text
    assert "./doit dataflow:calcapp-basic " in text


def test_dataflows_are_named_with_their_state(api: KubeApi) -> None:
    flow: dict[str, Any] = {"metadata": {"name": "df-calcapp"}, "status": {"status": "Deployed"}}
    api.objects[DATA_FLOW] = [flow] * 9
    text = page()
    assert "dataflows   df-calcapp Deployed, df-calcapp Deployed" in text
    assert "./doit delete_cluster " in text


def test_an_api_that_refuses_is_said(api: KubeApi) -> None:
    api.objects[DATA_FLOW] = []
    api.refusals[DATA_FLOW.name] = (403, "forbidden")
    assert "dataflows   /apis/example.com/v1/dataflows: forbidden" in page()


def test_an_api_that_does_not_answer_is_said(api: KubeApi) -> None:
    (paths.cluster_dir("kind") / "kubeconfig").write_text(json.dumps(kubeconfig(1)), encoding="utf-8")
    assert "dataflows   http://127.0.0.1:1: the API does not answer" in page()


def test_an_engine_that_breaks_off_is_said(world: Engine) -> None:
    world.refusals["GET /containers/json"] = (500, "broken")
    assert "cluster     cannot be seen: APIError: 500 Server Error" in page()


def test_an_engine_that_hangs_is_not_waited_for(world: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{folder}/docker.sock")
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        client.forget()
        assert "engine      no answer within 0 s" in page(deadline=0.01)


def test_patterns_of_ones_own_are_named_only_if_there_are_any(world: Engine) -> None:
    known.forget()
    assert "patterns" not in page()
    own_patterns.write("mine")
    assert "patterns    1 of your own: mine" in page()
    bad = own_patterns.write("bad") / "pattern.yaml"
    own_patterns.edit(bad, "namespace: ", "namespac: ")
    assert "patterns    1 of your own: mine; not valid: bad (./doit doctor --for patterns)" in page()

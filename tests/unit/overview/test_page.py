"""What bare `./doit` says of an engine, a cluster and dataflows; the page without them is tested as a process."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.cluster import status
from tasks.engines.docker import client, images
from tasks.engines.kube import access, api, kind
from tasks.engines.kube.kind import NodeFacts
from tasks.overview import page as overview_page
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Lines

NODES = [NodeFacts("kind-control-plane", running=True, image_id="x", api_port=1)]


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with one image of two, and no cluster."""
    monkeypatch.setenv("PROFILE", "lab")
    monkeypatch.setattr(client, "client", lambda: SimpleNamespace(version=lambda: {"Version": "28.5.2"}))
    monkeypatch.setattr(client, "socket", lambda: "unix:///run/docker.sock")
    monkeypatch.setattr(
        status, "profile_images", lambda _: iter([("b:1", None), ("a:1", images.ImageFacts("sha256:1"))])
    )
    monkeypatch.setattr(kind, "nodes", lambda _name: [])


def cluster(monkeypatch: pytest.MonkeyPatch, dataflows: Callable[..., list[Any]]) -> None:
    monkeypatch.setattr(kind, "nodes", lambda _name: NODES)
    monkeypatch.setattr(access, "cluster", lambda _name: SimpleNamespace(list=dataflows))


def page(said: Lines) -> str:
    overview_page.show()
    lines = said.kept[0].splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    return said.kept[0]


def test_engine_images_and_an_absent_cluster(said: Lines) -> None:
    text = page(said)
    assert "engine      Docker 28.5.2 at unix:///run/docker.sock" in text
    assert "images      1 of 2 there; not yet: b:1" in text
    assert "cluster     kind: not there" in text
    assert "dataflows   none without a cluster" in text


def test_a_cluster_without_dataflows_is_offered_one(said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_kind(_kind: object) -> list[Any]:
        raise api.Refused("/apis/example.com/v1", api.ABSENT, "not found")

    cluster(monkeypatch, no_such_kind)
    text = page(said)
    assert "cluster     kind: 1 of 1 nodes run" in text
    assert "dataflows   none\n" in text
    assert "./doit dataflow:calcapp-basic " in text


def test_dataflows_are_named_with_their_state(said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = {"metadata": {"name": "df-calcapp"}, "status": {"status": "Deployed"}}
    cluster(monkeypatch, lambda _kind: [flow] * 9)
    text = page(said)
    assert "dataflows   df-calcapp Deployed, df-calcapp Deployed" in text
    assert "./doit delete_cluster " in text


def test_an_api_that_does_not_answer_is_said(said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_kind: object) -> list[Any]:
        raise Problem("https://127.0.0.1:1: the API does not answer", hint="./doit create_cluster")

    cluster(monkeypatch, silent)
    assert "dataflows   https://127.0.0.1:1: the API does not answer" in page(said)


def test_an_engine_that_breaks_off_is_said(said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(_name: str) -> list[NodeFacts]:
        raise ConnectionResetError("Connection reset by peer")

    monkeypatch.setattr(kind, "nodes", reset)
    assert "cluster     cannot be seen: ConnectionResetError: Connection reset by peer" in page(said)


def test_an_engine_that_hangs_is_not_waited_for(said: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def hangs() -> object:
        ends.wait()
        raise Problem("too late")

    monkeypatch.setattr(overview_page, "_DEADLINE", 0.01)
    monkeypatch.setattr(client, "client", hangs)
    assert "engine      no answer within" in page(said)
    ends.set()

"""tasks.engines.docker.containers: facts about containers, and what is done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers
from tasks.engines.kube import kind
from tasks.problems import Problem
from tests.unit.engine import Container, node, ours

if TYPE_CHECKING:
    from tests.unit.engine import Engine


def test_a_container_is_found_by_name(engine: Engine) -> None:
    engine.containers["a"] = Container("exited", addresses={"kind": "172.18.0.2"})
    found = containers.find("a")
    assert found is not None
    assert (found.status, found.addresses) == ("exited", {"kind": "172.18.0.2"})
    assert containers.find("b") is None


def test_a_container_is_set_going(engine: Engine) -> None:
    engine.containers.update(stopped=Container("exited"), frozen=Container("paused"))
    containers.start("stopped")
    containers.unpause("frozen")
    assert {one.state for one in engine.containers.values()} == {"running"}


def test_a_container_that_cannot_be_set_going_is_one_line(engine: Engine) -> None:
    engine.refusals["POST /containers/a/start"] = (500, "no space left on device")
    with pytest.raises(Problem, match=r"^container a: cannot be set going: no space left on device"):
        containers.start("a")


def test_a_container_is_removed_once(engine: Engine) -> None:
    engine.containers["a"] = Container()
    assert containers.remove("a")
    assert not containers.remove("a")


def test_a_file_of_a_container_is_read_and_known_by_its_size_and_time(engine: Engine) -> None:
    engine.containers["a"] = Container()
    assert containers.read_from("a", "/etc/one") is None
    assert not containers.holds("a", "/etc/one", b"old")
    containers.copy_into("a", "/etc/one", b"old")
    assert containers.read_from("a", "/etc/one") == b"old"
    assert containers.holds("a", "/etc/one", b"old")
    assert not containers.holds("a", "/etc/one", b"new")


def test_the_nodes_of_a_cluster_are_known_by_its_label(engine: Engine) -> None:
    engine.containers["one-worker"] = node("one", ports={6443: 40000})
    engine.containers["two-worker"] = node("two")
    engine.containers["one-control-plane"] = Container()
    (found,) = kind.nodes("one")
    assert (found.name, found.api_port, found.mounts, found.running) == ("one-worker", 40000, ours(), True)
    assert [one.name for one in kind.squatters("one")] == ["one-control-plane"]

"""Namespaces of processes, as containers have them; veths stand in for the devices that move."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import namespaces
from tasks.engines.programs import shell
from tasks.nics import steps
from tasks.problems import Problem
from tests import veths

if TYPE_CHECKING:
    from collections.abc import Iterator

VETH, PEER = "okveth0", "okveth1"


@contextmanager
def container() -> Iterator[int]:
    """Start a process with a network namespace of its own and yield its ID."""
    process = subprocess.Popen([shell.find("unshare"), "--net", "sleep", "1000"])
    own = Path("/proc/self/ns/net").stat().st_ino
    end = time.monotonic() + 10
    while Path(f"/proc/{process.pid}/ns/net").stat().st_ino == own:
        assert time.monotonic() < end
        time.sleep(0.01)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def veth() -> Iterator[str]:
    with veths.veth(VETH, PEER) as name:
        yield name


def inode(process: int) -> int:
    return Path(f"/proc/{process}/ns/net").stat().st_ino


def test_survey_finds_nodes_and_every_other_namespace() -> None:
    with container() as node, container() as pod:
        near = namespaces.survey({"kind-worker": node})
        assert [space.inode for space in near.namespaces] == [near.host.inode, inode(node)]
        assert near.host.inode == inode(os.getpid())
        far = namespaces.survey({"kind-worker": node}, everywhere=True)
        found = {space.inode: space for space in far.namespaces}
        assert found[inode(node)].node == "kind-worker"
        assert (found[inode(pod)].node, found[inode(pod)].process, found[inode(pod)].command) == ("", pod, "sleep")


def test_namespace_that_only_a_file_keeps_alive_is_found() -> None:
    name = f"ok-{os.getpid()}"
    shell.run(["ip", "netns", "add", name])
    try:
        found = namespaces.survey(everywhere=True)
        assert Path(f"/run/netns/{name}").stat().st_ino in {space.inode for space in found.namespaces}
    finally:
        shell.run(["ip", "netns", "del", name])


def test_device_moves_in_and_out_by_handle(veth: str) -> None:
    with container() as node:
        veths.move_in(veth, "kind-worker", node)
        veths.move_out(veth, "kind-worker", node)


def test_container_that_restarted_in_between_is_noticed(veth: str) -> None:
    with container() as node:
        world = namespaces.survey({"kind-worker": node})
    # The process is gone; a namespace that has its ID or path afterwards is another one.
    inside, link = world.node("kind-worker"), world.host.named(veth)
    assert inside is not None
    assert link is not None
    with pytest.raises(Problem, match="its container restarted or ended"):
        namespaces.change(world, steps.move(link, world.host, inside))
    assert namespaces.survey().host.named(veth) is not None


def test_another_container_under_the_same_path_is_noticed(veth: str, tmp_path: Path) -> None:
    path = tmp_path / "netns"
    with container() as first, container() as second:
        path.symlink_to(f"/proc/{first}/ns/net")
        world = namespaces.World(
            (namespaces.survey().host, namespaces.Namespace(inode(first), str(path), node="kind-worker"))
        )
        path.unlink()
        path.symlink_to(f"/proc/{second}/ns/net")
        link = world.host.named(veth)
        assert link is not None
        with pytest.raises(Problem, match="its container restarted or ended"):
            namespaces.change(world, steps.move(link, world.host, world.namespaces[1]))
        assert namespaces.survey().host.named(veth) is not None


def test_bridge_member_is_seen(veth: str) -> None:
    bridge = f"okbr{os.getpid() % 1000}"
    shell.run(["ip", "link", "add", bridge, "type", "bridge"])
    try:
        shell.run(["ip", "link", "set", veth, "master", bridge])
        found = namespaces.survey().host.named(veth)
        assert found is not None
        assert found.master == bridge
    finally:
        shell.run(["ip", "link", "del", bridge])


def test_lifelines_of_this_machine_are_those_of_its_routes() -> None:
    found = namespaces.lifelines()
    default = shell.run(["ip", "route", "show", "default"]).stdout.split()
    assert not default or default[default.index("dev") + 1] in found

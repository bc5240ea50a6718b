"""A process id from an engine is accepted only if this machine's kernel confirms that it is the container's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers, local_containers
from tasks.problems import Problem
from tests.unit.engine import Container

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.engine import Engine

ID = "4f1c9f3be2" * 6 + "abcd"
OTHER = "0" * 64

CGROUPS = {
    "v2, systemd": f"0::/system.slice/docker-{ID}.scope/init.scope\n",
    "v2, cgroupfs": f"0::/docker/{ID}\n",
    "v1": f"12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}/init.scope\n",
    "private namespace, seen from another": f"0::/../docker/{ID}/init.scope\n",
    "podman": f"0::/machine.slice/libpod-{ID}.scope/container\n",
}


@pytest.fixture
def proc(tmp_path: Path, engine: Engine) -> Path:
    """The processes of a machine: one that shows nothing, as the process of an engine's container."""
    (tmp_path / "4711").mkdir()
    engine.containers["kind-worker"] = Container(id=ID, process=4711)
    return tmp_path


@pytest.mark.parametrize("cgroup", CGROUPS.values(), ids=CGROUPS)
def test_a_container_is_known_by_its_control_group(proc: Path, cgroup: str) -> None:
    (proc / "4711/cgroup").write_text(cgroup)
    assert local_containers.main_process("kind-worker", proc) == 4711


def test_a_container_is_known_by_what_is_mounted_into_it(proc: Path) -> None:
    (proc / "4711/cgroup").write_text("0::/\n")
    mounted = f"/var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw"
    (proc / "4711/mountinfo").write_text(f"731 702 8:1 {mounted}\n")
    assert local_containers.main_process("kind-worker", proc) == 4711


@pytest.mark.parametrize(
    "cgroup",
    ["0::/system.slice/sshd.service\n", f"0::/docker/{OTHER}\n", "0::/\n", ""],
    ids=["a service", "another container", "nothing told", "no such process"],
)
def test_a_process_that_only_has_the_number_is_not_the_node(engine: Engine, proc: Path, cgroup: str) -> None:
    if cgroup:
        (proc / "4711/cgroup").write_text(cgroup)
    with pytest.raises(Problem, match="kind-worker: is not a container of this machine") as caught:
        local_containers.main_process("kind-worker", proc)
    assert f"{engine.url} says process 4711" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("status", ["exited", "created"])
def test_a_container_that_does_not_run_has_no_process(engine: Engine, proc: Path, status: str) -> None:
    engine.containers["kind-worker"].state = status
    assert local_containers.main_process("kind-worker", proc) == 0
    engine.containers.clear()
    assert local_containers.main_process("kind-worker", proc) == 0


def test_a_container_is_refused_that_is_not_a_process_of_this_machine(engine: Engine) -> None:
    engine.containers["kind-worker"] = Container(id=ID, process=os.getpid())
    found = containers.find("kind-worker")
    assert found is not None
    with pytest.raises(Problem, match=f"says process {os.getpid()}"):
        local_containers.require(found)

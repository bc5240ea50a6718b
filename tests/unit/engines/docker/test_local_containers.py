"""A number that an engine tells is believed only where the kernel of this machine says that it is that container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client, containers, local_containers
from tasks.engines.docker.containers import ContainerFacts
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

ID = "4f1c9f3be2" * 6 + "abcd"
OTHER = "0" * 64
NODE = ContainerFacts(ID, "kind-worker", "running", "sha256:0", {}, {})

CGROUPS = {
    "v2, systemd": f"0::/system.slice/docker-{ID}.scope/init.scope\n",
    "v2, cgroupfs": f"0::/docker/{ID}\n",
    "v1": f"12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}/init.scope\n",
    "private namespace, seen from another": f"0::/../docker/{ID}/init.scope\n",
    "podman": f"0::/machine.slice/libpod-{ID}.scope/container\n",
}


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process 4711 without anything, in place of the machine's processes, and an engine that names it."""
    (tmp_path / "4711").mkdir()
    monkeypatch.setattr(local_containers, "PROC", tmp_path)
    monkeypatch.setattr(containers, "find", lambda _: NODE)
    monkeypatch.setattr(containers, "main_process", lambda _: 4711)
    monkeypatch.setattr(client, "socket", lambda: "ssh://lab@198.51.100.9")
    return tmp_path / "4711"


@pytest.mark.parametrize("cgroup", CGROUPS.values(), ids=CGROUPS)
def test_a_container_is_known_by_its_control_group(proc: Path, cgroup: str) -> None:
    (proc / "cgroup").write_text(cgroup)
    assert local_containers.main_process("kind-worker") == 4711


def test_a_container_is_known_by_what_is_mounted_into_it(proc: Path) -> None:
    (proc / "cgroup").write_text("0::/\n")
    mounted = f"/var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw"
    (proc / "mountinfo").write_text(f"731 702 8:1 {mounted}\n")
    assert local_containers.main_process("kind-worker") == 4711


@pytest.mark.parametrize(
    "cgroup",
    ["0::/system.slice/sshd.service\n", f"0::/docker/{OTHER}\n", "0::/\n", ""],
    ids=["a service", "another container", "nothing told", "no such process"],
)
def test_a_process_that_only_has_the_number_is_not_the_node(proc: Path, cgroup: str) -> None:
    if cgroup:
        (proc / "cgroup").write_text(cgroup)
    with pytest.raises(Problem, match="kind-worker: is not a container of this machine") as caught:
        local_containers.main_process("kind-worker")
    assert "ssh://lab@198.51.100.9 says process 4711" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("status", ["exited", "created"])
def test_a_container_that_does_not_run_has_no_process(proc: Path, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    stopped = ContainerFacts(ID, "kind-worker", status, "sha256:0", {}, {})
    monkeypatch.setattr(containers, "find", lambda _: stopped)
    assert local_containers.main_process("kind-worker") == 0
    monkeypatch.setattr(containers, "find", lambda _: None)
    assert local_containers.main_process("kind-worker") == 0

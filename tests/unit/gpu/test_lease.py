"""The GPU, lent and given back, on module graphs as real servers have them; the command runner simulates the kernel."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.kube import cluster_owner
from tasks.gpu import handover, lease
from tasks.gpu import ledger as gpu_ledger
from tasks.problems import Problem
from tasks.settings import gpu
from tests.unit.gpu.server import CONTAINER, DRIVER, HEADLESS, NODE, NODE_DRIVER, RDMA_SERVER, SERVER, UNLOADED, Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines


def removed(machine: Machine) -> list[str]:
    return [command.split()[1] for command in machine.commands if command.startswith("rmmod")]


@pytest.mark.parametrize(
    "modules", [SERVER, RDMA_SERVER, HEADLESS, UNLOADED], ids=["server", "rdma", "headless", "none"]
)
def test_lent_and_given_back_as_it_was(boot: Callable[..., Machine], modules: dict[str, list[str]]) -> None:
    machine = boot(modules)
    before = machine.loaded()
    machine.lend()
    assert not machine.lack()
    assert removed(machine)[-1:] == (["nvidia"] if before else [])
    assert (machine.root / "sys/module/nvidia/version").read_text().strip() == NODE_DRIVER
    machine.give_back()
    assert machine.loaded() == before
    if before:
        assert (machine.root / "sys/module/nvidia/version").read_text().strip() == DRIVER
    assert gpu_ledger.load("kind") is None
    assert machine.lack()


@pytest.mark.parametrize("modules", [SERVER, RDMA_SERVER, HEADLESS], ids=["server", "rdma", "headless"])
def test_a_module_goes_after_all_that_hold_it(boot: Callable[..., Machine], modules: dict[str, list[str]]) -> None:
    order = [module.name for module in boot(modules).modules.unload_order("nvidia")]
    assert set(order) == {name for name in modules if name.startswith(("nvidia", "gdr"))}
    for name in order:
        for holder in modules[name]:
            assert order.index(holder) < order.index(name)


def test_a_node_without_a_driver_for_this_kernel_is_said_before_anything_is_touched(
    boot: Callable[..., Machine],
) -> None:
    machine = boot(SERVER)
    before = machine.loaded()
    machine.node_driver = "5.15.0-100-generic"
    with pytest.raises(Problem, match=r"kind-worker: its image has no NVIDIA driver for kernel 5\.15\.0-122-generic"):
        machine.lend()
    assert machine.loaded() == before
    assert gpu_ledger.load("kind") is None


def test_services_stop_first_and_run_again_afterwards(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.active = {"nvidia-persistenced.service", "nvidia-dcgm.service", "ssh.service"}
    machine.add_process(77, "nvidia-persiste", "/system.slice/nvidia-persistenced.service", "/dev/nvidiactl")
    machine.lend()
    assert machine.active == {"ssh.service"}
    stop = machine.commands.index("systemctl stop nvidia-dcgm.service nvidia-persistenced.service")
    assert stop < machine.commands.index("rmmod nvidia_drm")
    machine.give_back()
    assert machine.active == {"nvidia-persistenced.service", "nvidia-dcgm.service", "ssh.service"}


@pytest.mark.parametrize("device", ["/dev/nvidia-uvm", "/dev/nvidia-caps/nvidia-cap1", "/dev/gdrdrv", "/dev/dri/card1"])
def test_a_process_that_uses_the_gpu_is_named_and_nothing_is_touched(boot: Callable[..., Machine], device: str) -> None:
    machine = boot(SERVER)
    machine.active = {"nvidia-persistenced.service"}
    machine.add_process(4711, "python3", "/user.slice/user-1000.slice/session-3.scope", device)
    machine.add_process(4712, "Xorg", "/user.slice/user-1000.slice/session-3.scope", "/dev/dri/card0")
    before = machine.loaded()
    with pytest.raises(Problem, match=r"process 4711 \(python3\) uses the GPU") as caught:
        machine.lend()
    # The other display belongs to another card.
    assert "4712" not in caught.value.message
    assert "GPU_CONSENT=1" in caught.value.hint
    assert machine.loaded() == before
    assert machine.active == {"nvidia-persistenced.service"}
    assert gpu_ledger.load("kind") is None
    assert not [command for command in machine.commands if "is-active" not in command and ": ls " not in command]


def test_what_keeps_the_gpu_on_the_host_is_known_before_there_is_a_node(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    assert handover.objections(machine.lease()) == []
    machine.add_process(4711, "python3", "/user.slice/user-1000.slice/session-3.scope", "/dev/nvidia0")
    machine.add_process(77, "nvidia-persiste", "/system.slice/nvidia-persistenced.service", "/dev/nvidiactl")
    assert handover.objections(machine.lease()) == ["process 4711 (python3) uses the GPU"]
    assert handover.objections(machine.lease(consent=True)) == []


def test_with_consent_it_is_ended_and_killed_if_it_does_not_end(
    boot: Callable[..., Machine],
) -> None:
    machine = boot(SERVER)
    machine.add_process(4711, "python3", "/user.slice/session-3.scope")
    machine.add_process(4712, "Xorg", "/user.slice/session-3.scope")
    machine.stubborn = {4712}
    machine.lend(consent=True)
    assert "kill -TERM 4711 4712" in machine.commands
    assert "kill -KILL 4712" in machine.commands
    assert not machine.lack()


def test_the_second_run_after_a_cut_keeps_the_first_ledger(boot: Callable[..., Machine]) -> None:
    machine = boot(RDMA_SERVER)
    machine.active = {"nvidia-persistenced.service"}
    before = machine.loaded()
    machine.cut_at = "nvidia"
    with pytest.raises(KeyboardInterrupt):
        machine.lend()
    assert machine.lack()
    machine.cut_at = ""
    machine.lend()
    assert not machine.lack()
    machine.give_back()
    assert machine.loaded() == before
    assert machine.active == {"nvidia-persistenced.service"}


def test_lending_twice_after_the_node_restarted_loads_its_driver_again(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    other = ContainerFacts("decade" * 10, NODE, "running", "sha256:0", {}, {})
    machine.nodes[NODE] = other
    machine.end_process(900)
    assert machine.lack()
    machine.lend()
    assert not machine.lack()
    kept = gpu_ledger.load("kind")
    assert kept is not None
    assert [module.version for module in kept.modules] == [DRIVER] * 4


def test_a_reboot_has_given_it_back(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    machine.booted = "boot-2"
    assert machine.lack()
    machine.commands.clear()
    machine.give_back()
    assert machine.commands == []
    assert gpu_ledger.load("kind") is None


def test_given_back_after_the_engine_and_the_node_are_gone(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    before = machine.loaded()
    machine.lend()
    machine.end_process(900)
    machine.answers = False
    machine.give_back()
    assert machine.loaded() == before


@pytest.mark.parametrize("ours", [True, False])
def test_a_container_of_others_that_bears_the_nodes_name_is_left_alone(
    boot: Callable[..., Machine], *, ours: bool
) -> None:
    machine = boot(SERVER)
    machine.lend()
    machine.end_process(900)
    mounts = {place: str(folder) for folder, place in cluster_owner.mounts().items()} if ours else {}
    other = ContainerFacts("decade" * 10, NODE, "running", "sha256:0", {}, {}, "", mounts)
    machine.nodes[NODE] = other
    machine.commands.clear()
    machine.give_back()
    inside = [command for command in machine.commands if command.startswith(f"{NODE}: ")]
    assert len(inside) == (1 if ours else 0)


def test_a_gpu_that_another_cluster_has_is_not_taken(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    machine.nodes["second-worker"] = ContainerFacts("1" * 60, "second-worker", "running", "sha256:0", {}, {})
    machine.commands.clear()
    with pytest.raises(Problem, match="the GPU is lent to cluster kind") as caught:
        lease.lend_to(machine.lease("second"))
    assert "CLUSTER_NAME=kind ./doit delete_cluster" in caught.value.hint
    assert machine.commands == []


def test_a_module_that_does_not_go_is_named_with_its_holders(boot: Callable[..., Machine]) -> None:
    machine = boot(HEADLESS)
    machine.kept = {"nvidia_uvm"}
    with pytest.raises(Problem, match="kernel module nvidia_uvm: cannot be unloaded: used 0 times; held by no module"):
        machine.lend()


def test_a_gpu_that_the_node_does_not_see_is_a_failure(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.gpus = 0
    with pytest.raises(Problem, match="kind-worker: nvidia-smi lists 0 GPUs, 1 were lent"):
        machine.lend()
    assert machine.lack()


def test_warnings_around_the_list_are_not_counted_as_gpus(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.warnings = "WARNING: infoROM is corrupted at gpu 0000:CA:00.0, see the manual, page 7\n"
    machine.lend()
    machine.give_back()
    machine.gpus = 0
    with pytest.raises(Problem, match="kind-worker: nvidia-smi lists 0 GPUs, 1 were lent"):
        machine.lend()


def test_a_node_on_another_machine_gets_no_gpu_and_none_is_taken_from_it(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.elsewhere = {CONTAINER}
    before = machine.loaded()
    with pytest.raises(Problem, match="kind-worker: is not a container of this machine"):
        machine.lend()
    assert machine.loaded() == before
    assert machine.commands == []
    machine.elsewhere = set()
    machine.lend()
    machine.end_process(900)
    machine.elsewhere = {CONTAINER}
    machine.commands.clear()
    machine.give_back()
    assert not [command for command in machine.commands if command.startswith(NODE)]
    assert machine.loaded() == before


def test_a_gpu_that_another_checkout_lends_under_this_name_is_left_to_it(
    boot: Callable[..., Machine], tmp_path: Path, said: Lines
) -> None:
    machine = boot(SERVER)
    machine.lend()
    other = tmp_path / "other"
    other.mkdir()
    (other / "dodo.py").touch()
    ledger = gpu_ledger.load("kind")
    assert ledger is not None
    gpu_ledger.save(dataclasses.replace(ledger, checkout=str(other)))
    machine.commands.clear()
    assert machine.lack()
    assert not lease.is_lent_to(NODE)
    with pytest.raises(Problem, match=f"the GPU is lent to cluster kind of {other}"):
        machine.lend()
    machine.give_back()
    assert said.kept[-1] == f"Left to {other}: the GPU that its cluster kind has borrowed."
    assert machine.commands == []
    assert gpu_ledger.load("kind") is not None


def test_a_ledger_is_readable_whatever_the_umask_is(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    earlier = os.umask(0o077)
    try:
        machine.lend()
    finally:
        os.umask(earlier)
    assert gpu_ledger.path("kind").stat().st_mode & 0o777 == 0o644
    assert gpu.LEDGERS.stat().st_mode & 0o777 == 0o755


def test_a_host_driver_that_comes_back_different_is_said_and_the_ledger_stays(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    del machine.loadable["nvidia_drm"]
    with pytest.raises(Problem, match="nvidia_drm not found"):
        machine.give_back()
    assert gpu_ledger.load("kind") is not None


def test_no_gpu_and_no_node_are_one_line(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    shutil.rmtree(machine.root / "sys/bus")
    with pytest.raises(Problem, match="no NVIDIA GPU"):
        machine.lend()
    machine.nodes.clear()
    with pytest.raises(Problem, match="kind-worker: the node does not run"):
        machine.lend()


def test_giving_back_nothing_runs_nothing(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.give_back()
    assert machine.commands == []


def test_a_ledger_that_cannot_be_read_is_one_line(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    gpu.LEDGERS.mkdir(parents=True)
    (gpu.LEDGERS / "kind.json").write_text(json.dumps({"version": 99}))
    words = re.escape("kind.json: not a ledger of this tool: version 99")
    for use in (machine.give_back, machine.lend, lambda: lease.is_lent_to(NODE, machine)):
        with pytest.raises(Problem, match=words) as caught:
            use()
        assert caught.value.hint == f"reboot, which gives the GPU back; then sudo rm {gpu.LEDGERS}/kind.json"

"""The driver in the node: modules that need some of the host's, and services that need device files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.gpu import ledger as gpu_ledger
from tasks.problems import Problem
from tasks.settings import gpu
from tests.unit.gpu.server import HEADLESS, NODE, SERVER, UNLOADED, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Lines

START = f"{NODE}: systemctl start {' '.join(gpu.NODE_SERVICES)}"


def present(machine: Machine, *names: str) -> set[str]:
    return {name for name in names if machine.modules.is_present(name)}


def test_what_the_modules_name_is_loaded_on_the_host_first_and_unloaded_again(boot: Callable[..., Machine]) -> None:
    machine = boot(UNLOADED)
    machine.lend()
    node_loads = f"{NODE}: modprobe --all --dirname /opt/nvidia nvidia nvidia_uvm"
    order = ["modprobe ipmi_msghandler", "modprobe wmi", "modprobe video", node_loads]
    assert [command for command in machine.commands if command in order] == order
    kept = gpu_ledger.load("kind")
    assert kept is not None
    assert kept.helpers == ("ipmi_msghandler", "wmi", "video")
    machine.give_back()
    assert not present(machine, *kept.helpers)


def test_what_the_host_had_loaded_stays_loaded(boot: Callable[..., Machine]) -> None:
    machine = boot(UNLOADED)
    machine.add_module("ipmi_msghandler", ["ipmi_si"], "")
    machine.lend()
    kept = gpu_ledger.load("kind")
    assert kept is not None
    assert kept.helpers == ("wmi", "video")
    machine.give_back()
    assert present(machine, "ipmi_msghandler", "wmi", "video") == {"ipmi_msghandler"}


def test_a_module_that_something_uses_by_now_stays_and_that_is_said(boot: Callable[..., Machine], said: Lines) -> None:
    machine = boot(UNLOADED)
    machine.lend()
    machine.kept = {"video"}
    machine.give_back()
    assert "kernel module video: in use by now, so it stays loaded" in said.kept
    assert present(machine, "ipmi_msghandler", "video") == {"video"}


def test_a_cut_after_the_first_module_of_the_host_leaves_none_behind(boot: Callable[..., Machine]) -> None:
    machine = boot(UNLOADED)
    machine.node_lacks = {"nvidia"}
    with pytest.raises(Problem, match="kind-worker: modprobe failed"):
        machine.lend()
    assert present(machine, "video") == {"video"}
    machine.node_lacks = set()
    machine.lend()
    machine.give_back()
    assert not present(machine, "ipmi_msghandler", "wmi", "video")


@pytest.mark.parametrize("absent", [{"video"}, set()], ids=["video", "nvidia_modeset"])
def test_a_module_for_displays_does_not_fail_a_lease(
    boot: Callable[..., Machine], said: Lines, absent: set[str]
) -> None:
    machine = boot(HEADLESS)
    for name in absent:
        del machine.host_modules[name]
    machine.node_lacks = {"nvidia_modeset"} - absent
    machine.lend()
    assert not machine.lack()
    assert machine.node_modules == ["nvidia", "nvidia_uvm"]
    assert any(line.startswith("kind-worker: without nvidia_modeset, which computing") for line in said.kept)
    names_it = "kernel module video: the driver in kind-worker names it, but this host has none"
    assert (names_it in said.kept) == bool(absent)


def test_a_module_of_the_host_that_does_not_load_fails_only_what_cannot_do_without_it(
    boot: Callable[..., Machine], said: Lines
) -> None:
    machine = boot(HEADLESS)
    machine.unfit = {"video"}
    machine.lend()
    assert "kernel module video: not loaded: modprobe: ERROR: could not insert 'video': Exec format error" in said.kept
    assert machine.node_modules == ["nvidia", "nvidia_uvm"]
    machine.give_back()
    machine.unfit = {"ipmi_msghandler"}
    with pytest.raises(Problem, match="kind-worker: modprobe failed") as caught:
        machine.lend()
    assert "Unknown symbol" in caught.value.details


def test_services_start_when_the_device_files_are_there(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    assert machine.commands.index(f"{NODE}: nvidia-modprobe -u -c 0") < machine.commands.index(START)
    assert machine.node_active == set(gpu.NODE_SERVICES)


def test_device_files_that_do_not_appear_are_named_before_a_service_is_started(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.makes_device_files = False
    with pytest.raises(Problem, match="kind-worker: /dev/nvidiactl: there: not so within") as caught:
        machine.lend()
    assert caught.value.hint == "sudo journalctl -k -g -i nvrm"
    assert START not in machine.commands


def test_a_service_that_does_not_run_is_one_line_with_its_own_words(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.broken = {"nvidia-mps.service": "An instance of this daemon is already running\n"}
    line = "kind-worker: nvidia-mps.service is inactive: An instance of this daemon is already running"
    with pytest.raises(Problem) as caught:
        machine.lend()
    assert caught.value.message == line
    assert "Failed to start nvidia-mps.service." in caught.value.details
    assert caught.value.hint == "docker exec kind-worker systemctl status nvidia-mps.service"
    assert machine.lack()


def test_a_service_that_has_ended_since_is_started_and_the_driver_stays(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.lend()
    machine.node_active.discard("nvidia-dcgm.service")
    assert machine.lack().reasons == ("kind-worker: nvidia-dcgm.service is inactive",)
    machine.commands.clear()
    machine.lend()
    assert not machine.lack()
    assert START in machine.commands
    assert not [command for command in machine.commands if command.startswith(("rmmod", "kill", f"{NODE}: modprobe"))]


def test_a_kernel_that_cannot_unload_modules_lends_nothing(boot: Callable[..., Machine]) -> None:
    machine = boot(HEADLESS)
    for name in HEADLESS:
        folder = machine.root / "sys/module" / name
        (folder / "refcnt").unlink()
        (folder / "initstate").write_text("live\n")
    with pytest.raises(Problem, match="this kernel cannot unload the host's driver") as caught:
        machine.lend()
    assert "GPU=share" in caught.value.hint
    assert machine.commands == []
    assert gpu_ledger.load("kind") is None

"""tasks.engines.host.nvidia: the driver of a recorded machine, and of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import nvidia
from tasks.engines.host.facts import Host
from tasks.engines.host.nvidia import Driver
from tasks.problems import Problem
from tests.unit.gpu import h200

if TYPE_CHECKING:
    from pathlib import Path

PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.12  Mon Jul 22 20:58:18 UTC 2024\n"
DISPLAY = "nvidia_drm 90112 4 - Live 0x0 (POE)\nnvidia 14299136 9 - Live 0x0 (POE)\n"


def test_the_driver_of_the_recorded_machine_is_found(tmp_path: Path) -> None:
    machine = h200.host(tmp_path)
    assert nvidia.version(machine) == "580.159.04"
    assert nvidia.driver(machine) == Driver(h200.VERSION, h200.LIBRARIES, h200.PROGRAMS)


def test_the_proprietary_driver_states_its_version_in_other_words(tmp_path: Path) -> None:
    assert nvidia.version(h200.host(tmp_path, {"/proc/driver/nvidia/version": PROPRIETARY})) == "550.90.12"


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        (h200.FILES["/proc/modules"], "the kernel cannot unload its modules (/proc/modules shows no use count)"),
        (h200.IN_USE, "the host uses it (nvidia_uvm is used 2 times)"),
        (DISPLAY, "the host uses it (nvidia_drm is used 4 times)"),
        ("nvidia_uvm 9 1 nvidia_fs, Live 0x0\nnvidia 9 2 nvidia_uvm, Live 0x0\nnvidia_fs 9 0 - Live 0x0\n", ""),
        (h200.IDLE, ""),
        ("", ""),
    ],
    ids=["no unloading", "computing", "display", "module on module", "idle", "not loaded"],
)
def test_why_a_driver_stays_with_the_host(tmp_path: Path, modules: str, reason: str) -> None:
    assert nvidia.bond(h200.host(tmp_path, {"/proc/modules": modules})) == reason


def test_a_machine_without_a_driver_has_no_bond(tmp_path: Path) -> None:
    assert nvidia.bond(Host(tmp_path)) == ""
    assert nvidia.version(Host(tmp_path)) == ""


def test_a_system_folder_and_one_that_the_linker_is_told_are_found_too(tmp_path: Path) -> None:
    own = {name: None for name in h200.FILES if name.startswith("/usr/local/nvidia")}
    of_ubuntu = {"/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04": "", "/usr/bin/nvidia-smi": ""}
    found = nvidia.driver(h200.host(tmp_path / "ubuntu", {**own, **of_ubuntu}))
    assert (found.libraries, found.programs) == ("/usr/lib/x86_64-linux-gnu", "/usr/bin")
    told = {
        "/etc/ld.so.conf.d/driver.conf": "# the driver\n/opt/driver/lib/\n",
        "/opt/driver/lib/libcuda.so.580.159.04": "",
        "/opt/driver/bin/nvidia-smi": "",
    }
    found = nvidia.driver(h200.host(tmp_path / "told", {**own, **told}))
    assert (found.libraries, found.programs) == ("/opt/driver/lib", "/opt/driver/bin")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"/proc/driver/nvidia/version": None}, "the host's NVIDIA driver is not loaded"),
        ({"/dev/nvidia-uvm": None}, "the host has no /dev/nvidia-uvm"),
        ({f"{h200.LIBRARIES}/libcuda.so.{h200.VERSION}": None}, f"libcuda.so.{h200.VERSION} .* is in none of "),
        ({f"{h200.PROGRAMS}/nvidia-smi": None}, "nvidia-smi .* is in none of /usr/local/nvidia/bin, "),
    ],
    ids=["version", "device", "library", "program"],
)
def test_what_a_driver_lacks_to_be_shared_is_one_line(
    tmp_path: Path, changes: dict[str, str | None], message: str
) -> None:
    with pytest.raises(Problem, match=message) as caught:
        nvidia.driver(h200.host(tmp_path, changes))
    assert caught.value.hint


def test_a_link_is_not_mounted_because_what_it_leads_to_may_be_elsewhere(tmp_path: Path) -> None:
    linked = tmp_path / "usr/lib/x86_64-linux-gnu" / f"libcuda.so.{h200.VERSION}"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(f"/nix/store/{linked.name}")
    (tmp_path / "etc/ld.so.conf.d").mkdir(parents=True)
    (tmp_path / "etc/ld.so.conf.d/a.conf").write_text("/usr/lib/x86_64-linux-gnu\n", encoding="utf-8")
    assert nvidia.driver(h200.host(tmp_path)).libraries == h200.LIBRARIES

"""Network cards, GPU and what their drivers need, passing and failing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings.checks import FAILED, OK, UNKNOWN
from tasks.settings.nics import WORKERS
from tests.unit.doctor.recorded import CARDS, Case
from tests.unit.gpu import h200

if TYPE_CHECKING:
    from collections.abc import Callable

NO_SRIOV = {f"/sys/bus/pci/devices/0000:17:00.1/sriov_{name}": None for name in ("numvfs", "totalvfs")}
WITHOUT_SRIOV = {f"/sys/bus/pci/devices/{bdf}/sriov_totalvfs": None for bdf in CARDS.values()}
FEW_VFS = {"/sys/bus/pci/devices/0000:17:00.0/sriov_totalvfs": "4\n"}
NO_CARD = {f"/sys/class/net/{name}/device": None for name in CARDS}
NO_GPU = {"/sys/bus/pci/devices/0000:ca:00.0/vendor": "0x1002\n"}
STOOD_IN = {"EMULATE": "gpu", "CONTROLLER_HARDWARE": "gpu"}
IN_CONTAINER = {"/sys/class/net/ens9f1np1/device": None}
EMULATED = {"EMULATE": "sriov"}
HEADERS = {"/lib/modules/5.15.0-122-generic/build/Makefile": None}
# What only a GPU of the machine itself needs.
OF_A_GPU = ("sudo", "gpu", "gpu-way", "gpu-driver", "kernel-headers", "nouveau")
# The recorded machine with an H200; with use counts of its modules, as other kernels show them; and with nouveau.
H200 = dict(h200.FILES)
IDLE = {**H200, "/proc/modules": h200.IDLE}
IN_USE = {**H200, "/proc/modules": h200.IN_USE}
SHARED = {**H200, **HEADERS, "/sys/module/nouveau/refcnt": "0\n"}


CASES = (
    Case("sudo", OK, works=("sudo -n true",)),
    Case("sudo", OK, "root", facts={"user": 0}),
    Case("sudo", FAILED, "user 1000", cure="sudo -v"),
    Case("sudo-nics", OK, "user 1000", facts={"grants_nic_root": True}),
    Case("sudo-nics", OK, "root", facts={"user": 0}),
    Case("sudo-nics", FAILED, "user 1000", works=("sudo -n true",), cure="sudo -v"),
    Case("pf", OK, "all there"),
    Case("pf", FAILED, f"{', '.join(CARDS)} not there", links=NO_CARD),
    Case("pf", FAILED, "default route", facts={"lifelines": {"ens9f0np0": "the default route goes through it"}}),
    Case("pf", OK, "all there", links=IN_CONTAINER, facts={"lent": True}),
    Case("pf", OK, "all there", links=IN_CONTAINER, facts={"workers": WORKERS[:1]}),
    Case("pf", FAILED, "ens9f1np1 not there", links=IN_CONTAINER, facts={"workers": WORKERS[1:]}),
    Case("pf", OK, "emulated (EMULATE=sriov)", links=NO_CARD, environ=EMULATED),
    Case("pf", OK, "emulated (EMULATE=sriov)", files=WITHOUT_SRIOV, environ=EMULATED),
    Case("pf", FAILED, "this machine has ens9f0np0 (SRIOV_PF_IF_1), ens9f1np1", environ=EMULATED, cure="without sriov"),
    Case(
        *("pf", FAILED, "cluster kind has ens9f1np1 of this machine"),
        links=NO_CARD,
        environ=EMULATED,
        facts={"lent": True},
        cure="nics_restore",
    ),
    Case("pf", FAILED, "cluster kind has emulated network cards", facts={"emulated": True}, cure="nics_restore"),
    Case("sudo-nics", OK, "EMULATE=sriov", links=NO_CARD, environ=EMULATED),
    Case("ofed", OK, "EMULATE=sriov", links=NO_CARD, environ=EMULATED),
    Case("vfs", OK, "EMULATE=sriov", links=NO_CARD, environ=EMULATED),
    Case("vfs", OK, "ens9f1np1 allows 8", files=FEW_VFS, facts={"workers": WORKERS[1:]}),
    Case("ofed", OK, "mlx5_core 24.07-0.6.1"),
    Case("ofed", OK, "mlx5_core of the kernel", files={"/sys/module/mlx5_core/version": None}),
    Case("ofed", FAILED, "ens9f1np1", links={"/sys/bus/pci/devices/0000:17:00.1/driver": None}, cure="mlx5_core"),
    Case("ofed", UNKNOWN, links=NO_CARD),
    Case("vfs", OK, "ens9f0np0 allows 8"),
    Case("vfs", FAILED, "allows 4", files=FEW_VFS, cure="mstconfig -y -d 17:00.0 set SRIOV_EN=1 NUM_OF_VFS=8"),
    Case("vfs", FAILED, "switched off", files=NO_SRIOV, cure="mstconfig -y -d 17:00.1"),
    Case("vfs", FAILED, files={**FEW_VFS, "/sys/bus/pci/devices/0000:17:00.0/vendor": "0x8086\n"}, cure="firmware"),
    Case("vfs", UNKNOWN, links=NO_CARD),
    Case("nic-rules", OK, "in force"),
    Case("nic-rules", FAILED, "cluster kind: ", facts={"lent": True}, cure="./doit nics"),
    Case("emulation", OK, "nothing"),
    Case("emulation", OK, "gpu", files=NO_GPU, environ=STOOD_IN),
    Case("emulation", FAILED, "this machine has an NVIDIA GPU (0000:ca:00.0)", environ=STOOD_IN, cure="EMULATE"),
    Case(
        "emulation",
        FAILED,
        "this machine has an NVIDIA GPU (0000:0a:00.0)",
        files={**NO_GPU, "/proc/driver/nvidia/gpus/0000:0a:00.0/information": "Model: NVIDIA H200\n"},
        environ={**STOOD_IN, "GPU": "no"},
        cure="EMULATE",
    ),
    *(Case(name, OK, "a GPU is stood in for", files=NO_GPU, environ=STOOD_IN) for name in OF_A_GPU),
    Case("gpu", OK, "0000:ca:00.0"),
    Case("gpu", FAILED, "none", files=NO_GPU),
    Case("gpu", FAILED, "none", files={"/sys/bus/pci/devices/0000:ca:00.0/class": "0x040300\n"}),
    Case("gpu-way", OK, "lent, since the host does not use it", files=IDLE),
    Case("gpu-way", OK, "lent, since GPU=yes", environ={"GPU": "yes"}),
    Case("gpu-way", OK, "none is asked for: GPU=no", environ={"GPU": "no"}, files=H200),
    Case("gpu-way", OK, "no GPU", files=NO_GPU),
    Case("gpu-way", OK, "shared, since the kernel cannot unload its modules", files=H200),
    Case("gpu-way", OK, "shared, since the host uses it (nvidia_uvm is used 2 times)", files=IN_USE),
    Case("gpu-way", OK, "the host keeps its driver (/usr/local/nvidia/lib64, ", files=IDLE, environ={"GPU": "share"}),
    Case("gpu-way", FAILED, "GPU=share: the host's NVIDIA driver is not", environ={"GPU": "share"}, cure="modprobe"),
    Case("gpu-way", FAILED, "not lent: the kernel", files=H200, environ={"GPU": "yes"}, cure="GPU=share with the same"),
    *(Case(name, OK, "not needed", files=SHARED) for name in ("sudo", "gpu-driver", "kernel-headers", "nouveau")),
    Case("gpu-driver", OK, "bytes", checkout={"driver/nvidia/NVIDIA-Linux-x86_64-550.90.12.run": b"#! /bin/sh\n"}),
    Case("gpu-driver", FAILED, "not there", cure="driver/nvidia/"),
    Case(
        "gpu-driver", FAILED, "not a run file", checkout={"driver/nvidia/NVIDIA-Linux-x86_64-550.90.12.run": b"<html>"}
    ),
    Case("kernel-headers", OK, "installed"),
    Case(
        "kernel-headers",
        OK,
        "offered",
        files=HEADERS,
        works=("apt-cache show --no-all-versions linux-headers-5.15.0-122-generic",),
    ),
    Case("kernel-headers", FAILED, "not offered", files=HEADERS),
    Case("kernel-headers", UNKNOWN, "no GPU", files={**HEADERS, "/sys/bus/pci/devices/0000:ca:00.0/vendor": None}),
    Case("nouveau", OK, "not loaded"),
    Case("nouveau", FAILED, "loaded", files={"/sys/module/nouveau/refcnt": "0\n"}, cure="blacklist nouveau"),
    Case("hugepages", OK, "32"),
    Case("hugepages", FAILED, "0", files={"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": None}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)

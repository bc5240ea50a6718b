"""Network cards, GPU and what their drivers need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.doctor.finding import Finding, judged, not_asked_for
from tasks.engines.host import nvidia
from tasks.gpu import sharing, stand_in
from tasks.nics import emulated, exclusion, udev
from tasks.nics import ledger as nics_ledger
from tasks.problems import Problem
from tasks.settings import emulation, nics, paths
from tasks.settings.checks import FAILED, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.engines.host import pci
    from tasks.settings.parameters.model import Parameters


_HUGEPAGES = 32  # the PCIe daemon requests 16 on each of two workers
_NVIDIA = "10de"
_MELLANOX = "15b3"
_DISPLAY = "03"


def _sudo(host: Server, _: Parameters) -> Finding:
    needed = "root, or sudo that asks for no password"
    if host.user == 0:
        return Finding(OK, "root", needed)
    return judged(host.succeeds(["sudo", "-n", "true"]), f"user {host.user}", needed)


def _sudo_nics(host: Server, _: Parameters) -> Finding:
    needed = "root, or sudo that asks for no password to run tasks.engines.nic_root"
    if host.user == 0:
        return Finding(OK, "root", needed)
    return judged(host.grants_nic_root, f"user {host.user}", needed)


def _unless_emulated(look: Look) -> Look:
    """Return a look at real cards that finds nothing to look at where cards are emulated."""

    def found(host: Server, p: Parameters) -> Finding:
        return not_asked_for("EMULATE", emulation.SRIOV) if emulated.asked_for(p) else look(host, p)

    return found


def _pf(host: Server, p: Parameters) -> Finding:
    needed = ", ".join(_pf_names(host, p))
    against = exclusion.objection(p, host)
    if against is not None:
        return Finding(FAILED, against.message, f"{needed}, either real or emulated", against.hint)
    if emulated.asked_for(p):
        return Finding(OK, f"emulated (EMULATE={emulation.SRIOV})", needed)
    missing = [name for name, function in _pfs(host, p).items() if function is None]
    held = [f"{name}: {reason}" for name, reason in host.lifelines.items() if name in _pf_names(host, p)]
    if held:
        return Finding(FAILED, "; ".join(held), f"{needed}, and none of them a lifeline")
    return judged(not missing, f"{', '.join(missing)} not there" if missing else "all there", needed)


def _ofed(host: Server, p: Parameters) -> Finding:
    """Find out whether every physical function has a driver: the kernel's own or MLNX_OFED's."""
    needed = "a driver bound to every physical function"
    pfs = _present_pfs(host, p)
    if not pfs:
        return Finding(UNKNOWN, "no card", needed)
    unbound = [name for name, function in pfs.items() if not function.driver]
    if unbound:
        return Finding(FAILED, f"{', '.join(unbound)} without a driver", needed)
    version = host.text("/sys/module/mlx5_core/version") or "of the kernel"
    return Finding(OK, f"{', '.join(sorted({function.driver for function in pfs.values()}))} {version}", needed)


def _vfs(host: Server, p: Parameters) -> Finding:
    needed = f"{p.sriov_num_vfs} on each (SRIOV_NUM_VFS)"
    pfs = _present_pfs(host, p)
    if not pfs:
        return Finding(UNKNOWN, "no card", needed)
    few = {name: function for name, function in pfs.items() if function.total_vfs < p.sriov_num_vfs}
    found = ", ".join(f"{name} {_vf_room(function)}" for name, function in pfs.items())
    cures = [_firmware_command(function, p.sriov_num_vfs) for function in few.values()]
    return judged(not few, found, needed, "; ".join(dict.fromkeys(filter(None, cures))))


def _nic_rules(_: Server, __: Parameters) -> Finding:
    complaints = udev.complaints(nics.UDEV_RULES)
    return judged(not complaints, "; ".join(complaints) or "in force", "udev rules in force for every lent card")


def _vf_room(function: pci.Function) -> str:
    return "has SR-IOV switched off" if function.num_vfs is None else f"allows {function.total_vfs}"


def _firmware_command(function: pci.Function, count: int) -> str:
    if not function.identity.startswith(_MELLANOX):
        return ""
    device = function.bdf.removeprefix("0000:")
    return f"sudo mstconfig -y -d {device} set SRIOV_EN=1 NUM_OF_VFS={count}; sudo reboot"


def _pf_names(host: Server, p: Parameters) -> tuple[str, ...]:
    return tuple(getattr(p, row.interface.lower()) for row in host.workers)


def _pfs(host: Server, p: Parameters) -> dict[str, pci.Function | None]:
    """Return the physical functions by the names of the parameters; one that is lent is found through the ledger."""
    ledger = nics_ledger.load(p.cluster_name)
    lent = {name: record.bdf for record in (ledger.physical_functions() if ledger else ()) for name in
            (record.name, *record.altnames)}  # fmt: skip
    return {name: host.function_of(name) or host.function(lent.get(name, "-")) for name in _pf_names(host, p)}


def _present_pfs(host: Server, p: Parameters) -> dict[str, pci.Function]:
    return {name: function for name, function in _pfs(host, p).items() if function is not None}


def _emulation(host: Server, p: Parameters) -> Finding:
    needed = "nothing that this machine has itself"
    refused = stand_in.objection(p, host)
    return judged(not refused, refused or ", ".join(p.emulate) or "nothing", needed)


def _unless_stood_in(look: Look) -> Look:
    """Return a look at this machine's GPU that looks at nothing if a GPU is stood in for."""

    def looked(host: Server, p: Parameters) -> Finding:
        return Finding(OK, stand_in.STOOD_IN, "nothing then") if stand_in.is_chosen(p) else look(host, p)

    return looked


def _gpu(host: Server, _: Parameters) -> Finding:
    found = host.devices(_NVIDIA, _DISPLAY)
    return judged(bool(found), ", ".join(found) or "none", "an NVIDIA GPU")


def _gpu_way(host: Server, p: Parameters) -> Finding:
    """Find out whether the first worker is lent the GPU or shares it, and why."""
    needed = "a way that this machine allows (GPU)"
    choice = sharing.Choice(p, host)
    if choice.is_share:
        try:
            folders = ", ".join(choice.mounts())
        except Problem as problem:
            return Finding(FAILED, f"{choice.reason}: {problem.message}", needed, problem.hint)
        return Finding(OK, f"shared, since {choice.reason}; the host keeps its driver ({folders})", needed)
    if p.gpu == "yes" and nvidia.is_fixed(host):
        return Finding(FAILED, f"not lent: {nvidia.bond(host)}", needed, "GPU=share with the same command")
    if p.gpu == "no" or not host.devices(_NVIDIA, _DISPLAY):
        return Finding(OK, "none is asked for: GPU=no" if p.gpu == "no" else "no GPU", needed)
    return Finding(OK, f"lent, since {choice.reason}", needed)


def _unless_shared(look: Look) -> Look:
    """Return a look that matters only to a GPU that is lent: what is shared stays as it is on the host."""

    def found(host: Server, p: Parameters) -> Finding:
        if sharing.Choice(p, host).is_share:
            return Finding(OK, "not needed", "nothing: the GPU is shared (check gpu-way)")
        return look(host, p)

    return found


def _gpu_driver(_: Server, p: Parameters) -> Finding:
    file = paths.DRIVER / p.nvidia_driver_file
    needed = f"driver/nvidia/{file.name} (NVIDIA_DRIVER_FILE)"
    if not file.is_file():
        return Finding(FAILED, "not there", needed, f"cp {file.name} driver/nvidia/")
    with file.open("rb") as content:
        is_script = content.read(2) == b"#!"
    cut = "not a run file; download it again"
    return judged(is_script, f"{file.stat().st_size} bytes" if is_script else cut, needed, f"file {file}")


def _kernel_headers(host: Server, _: Parameters) -> Finding:
    package = f"linux-headers-{host.kernel}"
    needed = f"{package} installed or offered by apt"
    if not host.devices(_NVIDIA, _DISPLAY):
        # apt may take longer than a look may take, so it is called only if the answer matters.
        return Finding(UNKNOWN, "no GPU", needed)
    installed = host.path(f"/lib/modules/{host.kernel}/build").exists()
    offered = installed or host.succeeds(["apt-cache", "show", "--no-all-versions", package])
    cure = "sudo apt-get update, or install a kernel that the distribution still offers"
    state = "installed" if installed else "offered" if offered else "not offered"
    return judged(offered, f"{package} {state}", needed, cure)


def _nouveau(host: Server, _: Parameters) -> Finding:
    loaded = host.has_module("nouveau")
    return judged(not loaded, "loaded" if loaded else "not loaded", "not loaded")


def _hugepages(host: Server, _: Parameters) -> Finding:
    count = host.number("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages") or 0
    return judged(count >= _HUGEPAGES, f"{count}", f"{_HUGEPAGES}")


LOOKS: Mapping[str, Look] = {
    "emulation": _emulation,
    "sudo": _unless_stood_in(_unless_shared(_sudo)),
    "sudo-nics": _unless_emulated(_sudo_nics),
    "pf": _pf,
    "ofed": _unless_emulated(_ofed),
    "vfs": _unless_emulated(_vfs),
    "nic-rules": _nic_rules,
    "gpu": _unless_stood_in(_gpu),
    "gpu-way": _unless_stood_in(_gpu_way),
    "gpu-driver": _unless_stood_in(_unless_shared(_gpu_driver)),
    "kernel-headers": _unless_stood_in(_unless_shared(_kernel_headers)),
    "nouveau": _unless_stood_in(_unless_shared(_nouveau)),
    "hugepages": _hugepages,
}

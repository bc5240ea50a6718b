"""A server with a GPU and its node: module graphs as real servers have them, and a simulated kernel."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.programs.shell import Completed
from tasks.gpu import lease
from tasks.gpu import machine as gpu_machine
from tasks.gpu.handover import Lease
from tasks.problems import Problem
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.lack import Lack

NODE = "kind-worker"
CONTAINER = "c0ffee" * 10
DRIVER = "535.183.01"
NODE_DRIVER = "550.90.12"

# Modules with their holders, as /sys/module/*/holders shows them.
SERVER = {
    "nvidia": ["nvidia_uvm", "nvidia_modeset"],
    "nvidia_uvm": [],
    "nvidia_modeset": ["nvidia_drm"],
    "nvidia_drm": [],
}
RDMA_SERVER = {
    **SERVER,
    "nvidia": ["nvidia_uvm", "nvidia_peermem", "nvidia_modeset", "gdrdrv", "nvidia_fs"],
    "nvidia_uvm": ["nvidia_fs"],
    "nvidia_peermem": [],
    "gdrdrv": [],
    "nvidia_fs": [],
    "ib_core": ["nvidia_peermem", "mlx5_ib"],
}
HEADLESS = {"nvidia": ["nvidia_uvm"], "nvidia_uvm": []}
UNLOADED: dict[str, list[str]] = {"ib_core": ["mlx5_ib"]}


class Machine(gpu_machine.Machine):
    """A server with its node: a fake /sys and /proc, and programs that change them as the kernel would."""

    patience = 0.3

    def __init__(self, root: Path, modules: dict[str, list[str]]) -> None:
        self.root = root
        self.nodes = {NODE: ContainerFacts(CONTAINER, NODE, "running", "sha256:0", {}, {})}
        self.answers = True
        self.booted = "boot-1"
        self.loadable = dict(modules)
        self.active: set[str] = set()
        self.commands: list[str] = []
        self.node_modules: list[str] = []
        self.gpus = 1
        self.node_driver = "5.15.0-122-generic"
        self.smi = "00000000:CA:00.0, NVIDIA A100 80GB PCIe, "
        self.warnings = ""
        self.stubborn: set[int] = set()
        self.kept: set[str] = set()
        self.cut_at = ""
        self.elsewhere: set[str] = set()
        (root / "proc").mkdir(parents=True)
        for name, text in (("vendor", "0x10de"), ("class", "0x030200")):
            self._write(f"sys/bus/pci/devices/0000:ca:00.0/{name}", text)
        self._write("sys/bus/pci/devices/0000:ca:00.0/drm/card1/dev", "226:1")
        self._write("proc/sys/kernel/osrelease", "5.15.0-122-generic")
        for name, holders in modules.items():
            self.add_module(name, holders, DRIVER)

    def _write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(f"{text}\n")

    def add_module(self, name: str, holders: Sequence[str], version: str) -> None:
        self._write(f"sys/module/{name}/refcnt", str(len(holders)))
        self._write(f"sys/module/{name}/{'version' if name == 'nvidia' else 'srcversion'}", version)
        (self.root / f"sys/module/{name}/holders").mkdir(exist_ok=True)
        for holder in holders:
            self._write(f"sys/module/{name}/holders/{holder}/uevent", "")

    def add_process(self, pid: int, command: str, group: str, device: str = "/dev/nvidia0") -> None:
        self._write(f"proc/{pid}/comm", command)
        self._write(f"proc/{pid}/status", f"Name:\t{command}\nState:\tS (sleeping)")
        self._write(f"proc/{pid}/cgroup", f"9:devices:/\n0::{group}")
        (self.root / f"proc/{pid}/fd").mkdir()
        (self.root / f"proc/{pid}/fd/3").symlink_to(device)

    def end_process(self, pid: int) -> None:
        shutil.rmtree(self.root / f"proc/{pid}", ignore_errors=True)

    def loaded(self) -> set[str]:
        return {
            entry.name for entry in (self.root / "sys/module").glob("*") if entry.name.startswith(("nvidia", "gdr"))
        }

    def run(self, *argv: str | Path, check: bool = True) -> Completed:
        words = [str(word) for word in argv]
        if words[0] == "find":
            return super().run(*argv, check=check)
        self.commands.append(" ".join(words))
        code, out, err = getattr(self, f"_{words[0].replace('-', '_')}")(words[1:])
        if check and code:
            raise Problem(f"{' '.join(words)}: {err}")
        return Completed(code, out, err)

    def _rmmod(self, words: list[str]) -> tuple[int, str, str]:
        (name,) = words
        if name == self.cut_at:
            raise KeyboardInterrupt
        held = list((self.root / f"sys/module/{name}/holders").iterdir())
        in_use = list((self.root / "proc").glob("*/fd/3")) if name == "nvidia" else []
        if held or in_use or name in self.kept:
            return 1, "", f"rmmod: ERROR: Module {name} is in use"
        shutil.rmtree(self.root / f"sys/module/{name}")
        for holder in (self.root / "sys/module").glob(f"*/holders/{name}"):
            shutil.rmtree(holder)
        return 0, "", ""

    def _modprobe(self, words: list[str]) -> tuple[int, str, str]:
        (name,) = words
        if name not in self.loadable:
            return 1, "", f"modprobe: FATAL: Module {name} not found"
        if not (self.root / f"sys/module/{name}").exists():
            self.add_module(name, [], DRIVER)
        for held, holders in self.loadable.items():
            if name in holders and (self.root / f"sys/module/{held}").exists():
                self._write(f"sys/module/{held}/holders/{name}/uevent", "")
        return 0, "", ""

    def _systemctl(self, words: list[str]) -> tuple[int, str, str]:
        verb, *units = words
        if verb == "is-active":
            return (0 if units[-1] in self.active else 3), "", ""
        if verb == "start":
            self.active.update(units)
            return 0, "", ""
        self.active.difference_update(units)
        for process in list((self.root / "proc").glob("[0-9]*")):
            if any(unit in (process / "cgroup").read_text() for unit in units):
                self.end_process(int(process.name))
        return 0, "", ""

    def _kill(self, words: list[str]) -> tuple[int, str, str]:
        signal, *pids = words
        for pid in map(int, pids):
            if signal == "-KILL" or pid not in self.stubborn:
                self.end_process(pid)
        return 0, "", ""

    def _nvidia_smi(self, _words: list[str]) -> tuple[int, str, str]:
        version = (self.root / "sys/module/nvidia/version").read_text()
        return 0, f"{self.warnings}{self.smi}{version}" * self.gpus + self.warnings, ""

    def container(self, name: str) -> ContainerFacts | None:
        if not self.answers:
            raise Problem("Docker: no engine answers")
        return self.nodes.get(name)

    def has_program(self, name: str) -> bool:
        return True

    def boot(self) -> str:
        return self.booted

    def lease(self, cluster: str = "kind", *, consent: bool = False) -> Lease:
        return Lease(cluster, consent, self)

    def lend(self, *, consent: bool = False) -> None:
        lease.lend_to(self.lease(consent=consent))

    def give_back(self) -> None:
        lease.give_back_from(self.lease())

    def lack(self) -> Lack:
        return lease.lack_of(self.lease())

    def run_in(self, container: str, argv: Sequence[str], *, check: bool = True) -> str:
        name = container
        self.commands.append(f"{name}: {' '.join(argv)}")
        if argv[0] == "modprobe":
            self.node_modules = [word for word in argv if word.startswith("nvidia")]
            for module in self.node_modules:
                self.add_module(module, ["nvidia_uvm", "nvidia_modeset"] if module == "nvidia" else [], NODE_DRIVER)
            self.add_process(
                900, "nvidia-cuda-mps", f"/system.slice/docker-{CONTAINER}.scope/system.slice/nvidia-mps.service"
            )
        if argv[:2] == ["systemctl", "stop"]:
            self.end_process(900)
        if argv[0] == "ls":
            return "kernel modules.dep" if argv[1] == f"{gpu.NODE_MODULES}/lib/modules/{self.node_driver}" else ""
        return self._nvidia_smi([])[1] if argv[0] == "nvidia-smi" else ""

    def require_here(self, container: ContainerFacts) -> None:
        if container.id in self.elsewhere:
            raise Problem(f"{container.name}: is not a container of this machine")

"""A server with a GPU and its node: module graphs as real servers have them, and a simulated kernel."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.programs.shell import Completed
from tasks.gpu import lease
from tasks.gpu import ledger as gpu_ledger
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
MPS_GROUP = f"/system.slice/docker-{CONTAINER}.scope/system.slice/nvidia-mps.service"
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
        self.depends = {"nvidia_modeset": "nvidia,video", "nvidia_uvm": "nvidia", "nvidia": "ipmi-msghandler"}
        self.host_modules = {"ipmi_msghandler": ["ipmi_msghandler"], "video": ["wmi", "video"]}
        self.unfit: set[str] = set()
        self.node_lacks: set[str] = set()
        self.node_files: set[str] = set()
        self.node_active: set[str] = set()
        self.broken: dict[str, str] = {}
        self.makes_device_files = True
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
        *options, name = words
        if options:
            lines = [f"insmod /lib/modules/5.15/kernel/{part}.ko.zst \n" for part in self.host_modules.get(name, [])]
            return (0 if lines else 1), "".join(lines), ""
        if name in self.unfit:
            return 1, "", f"modprobe: ERROR: could not insert '{name}': Exec format error"
        if name in {part for parts in self.host_modules.values() for part in parts}:
            self.add_module(name, [], "")
            return 0, "", ""
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

    def save(self, **changes: str) -> None:
        """Change the ledger."""
        ledger = gpu_ledger.load("kind")
        assert ledger is not None
        gpu_ledger.save(dataclasses.replace(ledger, **changes))  # type: ignore[arg-type]

    def give_back(self) -> None:
        lease.give_back_from(self.lease())

    def lack(self) -> Lack:
        return lease.lack_of(self.lease())

    def run_in(self, container: str, argv: Sequence[str], *, check: bool = True) -> str:
        self.commands.append(f"{container}: {' '.join(argv)}")
        code, said = getattr(self, f"_node_{argv[0].replace('-', '_')}")([*argv[1:]])
        if check and code:
            raise Problem(f"{container}: {argv[0]} failed with exit code {code}", details=said)
        return str(said)

    def _node_ls(self, words: list[str]) -> tuple[int, str]:
        if words[0] == f"{gpu.NODE_MODULES}/lib/modules/{self.node_driver}":
            return 0, "kernel modules.dep"
        return (0, words[0]) if words[0] in self.node_files else (2, "")

    def _node_modinfo(self, words: list[str]) -> tuple[int, str]:
        return 0, "\n".join(self.depends.get(word, "") for word in words[4:])

    def _node_modprobe(self, words: list[str]) -> tuple[int, str]:
        for module in (word for word in words if word.startswith("nvidia")):
            needed = self.depends.get(module, "").replace("-", "_").split(",")
            absent = [name for name in needed if name and not (self.root / f"sys/module/{name}").exists()]
            if module in self.node_lacks or absent:
                return 1, f"modprobe: ERROR: could not insert '{module}': Unknown symbol in module"
            self.node_modules.append(module)
            self.add_module(module, [], NODE_DRIVER)
            for name in filter(None, needed):
                self._write(f"sys/module/{name}/holders/{module}/uevent", "")
        return 0, ""

    def _node_nvidia_modprobe(self, _words: list[str]) -> tuple[int, str]:
        if self.makes_device_files:
            self.node_files.add(gpu.CONTROL_FILE)
        return 0, ""

    def _node_systemctl(self, words: list[str]) -> tuple[int, str]:
        verb, *units = words
        if verb == "is-active":
            states = ["active" if unit in self.node_active else "inactive" for unit in units]
            return int("inactive" in states), "\n".join(states)
        self.node_active.difference_update(units)
        self.end_process(900)
        if verb == "stop":
            return 0, ""
        if gpu.CONTROL_FILE in self.node_files:
            self.node_active.update(set(units) - set(self.broken))
            self.add_process(900, "nvidia-cuda-mps", MPS_GROUP)
        return 0, ""

    def _node_journalctl(self, words: list[str]) -> tuple[int, str]:
        own = words[-1].removeprefix("_SYSTEMD_UNIT=")
        return 0, self.broken.get(own, "") if own != words[-1] else f"Failed to start {own}."

    def _node_nvidia_smi(self, words: list[str]) -> tuple[int, str]:
        return 0, self._nvidia_smi(words)[1]

    def require_here(self, container: ContainerFacts) -> None:
        if container.id in self.elsewhere:
            raise Problem(f"{container.name}: is not a container of this machine")

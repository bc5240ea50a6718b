"""The GPU, lent and given back, on module graphs as real servers have them; the one command runner plays the kernel."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import containers, local_containers
from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.files import ledgers
from tasks.engines.host import facts, kernel_modules, processes
from tasks.engines.kube import cluster_owner
from tasks.engines.programs import shell
from tasks.engines.programs.shell import Completed
from tasks.gpu import lease
from tasks.gpu import ledger as gpu_ledger
from tasks.problems import Problem
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.unit.conftest import Lines

NODE = "kind-worker"
CONTAINER = "c0ffee" * 10
DRIVER = "535.183.01"
NODE_DRIVER = "550.90.12"

# Modules with those that hold them, as /sys/module/*/holders shows them.
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


class Machine:
    """A server with its node: a fake /sys and /proc, and programs that change them as the kernel would."""

    def __init__(self, root: Path, modules: dict[str, list[str]]) -> None:
        self.root = root
        self.modules = modules
        self.loadable = dict(modules)
        self.active: set[str] = set()
        self.commands: list[str] = []
        self.node_modules: list[str] = []
        self.gpus = 1
        self.node_driver = "5.15.0-122-generic"
        self.smi = "00000000:CA:00.0, NVIDIA A100 80GB PCIe, "
        self.warnings = ""
        self.stubborn: set[int] = set()
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

    def run(self, argv: Sequence[str | Path], *, stdin: str | None = None, **options: Any) -> Completed:
        words = [str(word) for word in argv]
        if words[0] in {"find", "sh", "rm"}:
            return _real_run(words, stdin=stdin, **options)
        self.commands.append(" ".join(words))
        code, out, err = getattr(self, f"_{words[0].replace('-', '_')}")(words[1:])
        return Completed(code, out, err)

    def _rmmod(self, words: list[str]) -> tuple[int, str, str]:
        (name,) = words
        held = list((self.root / f"sys/module/{name}/holders").iterdir())
        in_use = list((self.root / "proc").glob("*/fd/3")) if name == "nvidia" else []
        if held or in_use:
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

    def exec_in(self, name: str, argv: Sequence[str], *, check: bool = True) -> str:
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

    def require(self, container: ContainerFacts) -> None:
        if container.id in self.elsewhere:
            raise Problem(f"{container.name}: is not a container of this machine")


_real_run = shell.run


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Callable[..., Machine]:
    """A function that makes the machine and puts it in the place of this one."""

    def boot(modules: dict[str, list[str]]) -> Machine:
        machine = Machine(tmp_path / "machine", modules)
        recorded = facts.Host(machine.root)
        node = ContainerFacts(CONTAINER, NODE, "running", "sha256:0", {}, {})
        monkeypatch.setattr(shell, "run", machine.run)
        monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
        monkeypatch.setattr(containers, "exec_in", machine.exec_in)
        monkeypatch.setattr(containers, "find", lambda name: node if name == NODE else None)
        monkeypatch.setattr(kernel_modules, "SYSFS", machine.root / "sys")
        monkeypatch.setattr(processes, "PROC", machine.root / "proc")
        monkeypatch.setattr(local_containers, "require", machine.require)
        monkeypatch.setattr(facts, "Host", lambda: recorded)
        monkeypatch.setattr(gpu, "LEDGERS", tmp_path / "ledgers")
        monkeypatch.setattr(gpu, "END_DEADLINE", 0.3)
        monkeypatch.setattr("os.geteuid", lambda: 0)
        monkeypatch.setattr(ledgers, "boot", lambda: "boot-1")
        choose()
        return machine

    return boot


def removed(machine: Machine) -> list[str]:
    return [command.split()[1] for command in machine.commands if command.startswith("rmmod")]


@pytest.mark.parametrize(
    "modules", [SERVER, RDMA_SERVER, HEADLESS, UNLOADED], ids=["server", "rdma", "headless", "none"]
)
def test_lent_and_given_back_as_it_was(boot: Callable[..., Machine], modules: dict[str, list[str]]) -> None:
    machine = boot(modules)
    before = machine.loaded()
    lease.lend()
    assert lease.is_current()
    assert removed(machine)[-1:] == (["nvidia"] if before else [])
    assert (machine.root / "sys/module/nvidia/version").read_text().strip() == NODE_DRIVER
    lease.give_back()
    assert machine.loaded() == before
    if before:
        assert (machine.root / "sys/module/nvidia/version").read_text().strip() == DRIVER
    assert gpu_ledger.load("kind") is None
    assert not lease.is_current()


@pytest.mark.parametrize("modules", [SERVER, RDMA_SERVER, HEADLESS], ids=["server", "rdma", "headless"])
def test_a_module_goes_after_all_that_hold_it(boot: Callable[..., Machine], modules: dict[str, list[str]]) -> None:
    boot(modules)
    order = [module.name for module in kernel_modules.unload_order("nvidia")]
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
        lease.lend()
    assert machine.loaded() == before
    assert gpu_ledger.load("kind") is None


def test_services_stop_first_and_run_again_afterwards(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.active = {"nvidia-persistenced.service", "nvidia-dcgm.service", "ssh.service"}
    machine.add_process(77, "nvidia-persiste", "/system.slice/nvidia-persistenced.service", "/dev/nvidiactl")
    lease.lend()
    assert machine.active == {"ssh.service"}
    stop = machine.commands.index("systemctl stop nvidia-dcgm.service nvidia-persistenced.service")
    assert stop < machine.commands.index("rmmod nvidia_drm")
    lease.give_back()
    assert machine.active == {"nvidia-persistenced.service", "nvidia-dcgm.service", "ssh.service"}


@pytest.mark.parametrize("device", ["/dev/nvidia-uvm", "/dev/nvidia-caps/nvidia-cap1", "/dev/gdrdrv", "/dev/dri/card1"])
def test_a_process_that_uses_the_gpu_is_named_and_nothing_is_touched(boot: Callable[..., Machine], device: str) -> None:
    machine = boot(SERVER)
    machine.active = {"nvidia-persistenced.service"}
    machine.add_process(4711, "python3", "/user.slice/user-1000.slice/session-3.scope", device)
    machine.add_process(4712, "Xorg", "/user.slice/user-1000.slice/session-3.scope", "/dev/dri/card0")
    before = machine.loaded()
    with pytest.raises(Problem, match=r"process 4711 \(python3\) uses the GPU") as caught:
        lease.lend()
    # The other display is of another card.
    assert "4712" not in caught.value.message
    assert "GPU_CONSENT=1" in caught.value.hint
    assert machine.loaded() == before
    assert machine.active == {"nvidia-persistenced.service"}
    assert gpu_ledger.load("kind") is None
    assert not [command for command in machine.commands if "is-active" not in command and ": ls " not in command]


def test_with_consent_it_is_ended_and_killed_if_it_does_not_end(
    boot: Callable[..., Machine], choose: Callable[..., None]
) -> None:
    machine = boot(SERVER)
    machine.add_process(4711, "python3", "/user.slice/session-3.scope")
    machine.add_process(4712, "Xorg", "/user.slice/session-3.scope")
    machine.stubborn = {4712}
    choose(GPU_CONSENT="1")
    lease.lend()
    assert "kill -TERM 4711 4712" in machine.commands
    assert "kill -KILL 4712" in machine.commands
    assert lease.is_current()


def test_the_second_run_after_a_cut_keeps_the_first_ledger(boot: Callable[..., Machine]) -> None:
    machine = boot(RDMA_SERVER)
    machine.active = {"nvidia-persistenced.service"}
    before = machine.loaded()
    whole = machine._rmmod

    def cut(words: list[str]) -> tuple[int, str, str]:
        if words == ["nvidia"]:
            raise KeyboardInterrupt
        return whole(words)

    setattr(machine, "_rmmod", cut)  # noqa: B010 - mypy refuses to assign to a method
    with pytest.raises(KeyboardInterrupt):
        lease.lend()
    assert not lease.is_current()
    setattr(machine, "_rmmod", whole)  # noqa: B010
    lease.lend()
    assert lease.is_current()
    lease.give_back()
    assert machine.loaded() == before
    assert machine.active == {"nvidia-persistenced.service"}


def test_lending_twice_after_the_node_restarted_loads_its_driver_again(
    boot: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = boot(SERVER)
    lease.lend()
    other = ContainerFacts("decade" * 10, NODE, "running", "sha256:0", {}, {})
    monkeypatch.setattr(containers, "find", lambda _name: other)
    machine.end_process(900)
    assert not lease.is_current()
    lease.lend()
    assert lease.is_current()
    kept = gpu_ledger.load("kind")
    assert kept is not None
    assert [module.version for module in kept.modules] == [DRIVER] * 4


def test_a_reboot_has_given_it_back(boot: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    machine = boot(SERVER)
    lease.lend()
    monkeypatch.setattr(ledgers, "boot", lambda: "boot-2")
    assert not lease.is_current()
    machine.commands.clear()
    lease.give_back()
    assert machine.commands == []
    assert gpu_ledger.load("kind") is None


def test_given_back_after_the_engine_and_the_node_are_gone(
    boot: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = boot(SERVER)
    before = machine.loaded()
    lease.lend()
    machine.end_process(900)

    def gone(_name: str) -> None:
        raise Problem("Docker: no engine answers")

    monkeypatch.setattr(containers, "find", gone)
    lease.give_back()
    assert machine.loaded() == before


@pytest.mark.parametrize("ours", [True, False])
def test_a_container_of_others_that_bears_the_nodes_name_is_left_alone(
    boot: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch, *, ours: bool
) -> None:
    machine = boot(SERVER)
    lease.lend()
    machine.end_process(900)
    mounts = {place: str(folder) for folder, place in cluster_owner.mounts().items()} if ours else {}
    other = ContainerFacts("decade" * 10, NODE, "running", "sha256:0", {}, {}, "", mounts)
    monkeypatch.setattr(containers, "find", lambda _name: other)
    inside: list[str] = []

    def exec_in(name: str, *_: object, **__: object) -> str:
        inside.append(name)
        return ""

    monkeypatch.setattr(containers, "exec_in", exec_in)
    lease.give_back()
    assert inside == ([NODE] if ours else [])


def test_a_gpu_that_another_cluster_has_is_not_taken(
    boot: Callable[..., Machine], choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = boot(SERVER)
    lease.lend()
    choose(CLUSTER_NAME="second")
    node = ContainerFacts("1" * 60, "second-worker", "running", "sha256:0", {}, {})
    monkeypatch.setattr(containers, "find", lambda _name: node)
    machine.commands.clear()
    with pytest.raises(Problem, match="the GPU is lent to cluster kind") as caught:
        lease.lend()
    assert "CLUSTER_NAME=kind ./doit delete_cluster" in caught.value.hint
    assert machine.commands == []


def test_a_module_that_does_not_go_is_named_with_its_holders(boot: Callable[..., Machine]) -> None:
    machine = boot(HEADLESS)

    def kept(words: list[str]) -> tuple[int, str, str]:
        return 1, "", f"rmmod: ERROR: Module {words[0]} is in use"

    setattr(machine, "_rmmod", kept)  # noqa: B010 - mypy refuses to assign to a method
    with pytest.raises(Problem, match="kernel module nvidia_uvm: cannot be unloaded: used 0 times; held by no module"):
        lease.lend()


def test_a_gpu_that_the_node_does_not_see_is_a_failure(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.gpus = 0
    with pytest.raises(Problem, match="kind-worker: nvidia-smi lists 0 GPUs, 1 were lent"):
        lease.lend()
    assert not lease.is_current()


def test_warnings_around_the_list_are_not_counted_as_gpus(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.warnings = "WARNING: infoROM is corrupted at gpu 0000:CA:00.0, see the manual, page 7\n"
    lease.lend()
    lease.give_back()
    machine.gpus = 0
    with pytest.raises(Problem, match="kind-worker: nvidia-smi lists 0 GPUs, 1 were lent"):
        lease.lend()


def test_a_node_on_another_machine_gets_no_gpu_and_none_is_taken_from_it(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    machine.elsewhere = {CONTAINER}
    before = machine.loaded()
    with pytest.raises(Problem, match="kind-worker: is not a container of this machine"):
        lease.lend()
    assert machine.loaded() == before
    assert machine.commands == []
    machine.elsewhere = set()
    lease.lend()
    machine.end_process(900)
    machine.elsewhere = {CONTAINER}
    machine.commands.clear()
    lease.give_back()
    assert not [command for command in machine.commands if command.startswith(NODE)]
    assert machine.loaded() == before


def test_a_gpu_that_another_checkout_lends_under_this_name_is_left_to_it(
    boot: Callable[..., Machine], tmp_path: Path, said: Lines
) -> None:
    machine = boot(SERVER)
    lease.lend()
    other = tmp_path / "other"
    other.mkdir()
    (other / "dodo.py").touch()
    ledger = gpu_ledger.load("kind")
    assert ledger is not None
    gpu_ledger.save(dataclasses.replace(ledger, checkout=str(other)))
    machine.commands.clear()
    assert not lease.is_current()
    assert not lease.is_lent()
    with pytest.raises(Problem, match=f"the GPU is lent to cluster kind of {other}"):
        lease.lend()
    lease.give_back()
    assert said.kept[-1] == f"Left to {other}: the GPU that its cluster kind has borrowed."
    assert machine.commands == []
    assert gpu_ledger.load("kind") is not None


def test_a_ledger_is_readable_whatever_the_umask_is(boot: Callable[..., Machine]) -> None:
    boot(SERVER)
    earlier = os.umask(0o077)
    try:
        lease.lend()
    finally:
        os.umask(earlier)
    assert gpu_ledger.path("kind").stat().st_mode & 0o777 == 0o644
    assert gpu.LEDGERS.stat().st_mode & 0o777 == 0o755


def test_a_host_driver_that_comes_back_different_is_said_and_the_ledger_stays(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    lease.lend()
    del machine.loadable["nvidia_drm"]
    with pytest.raises(Problem, match="nvidia_drm not found"):
        lease.give_back()
    assert gpu_ledger.load("kind") is not None


def test_no_gpu_and_no_node_are_one_line(boot: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    machine = boot(SERVER)
    shutil.rmtree(machine.root / "sys/bus")
    with pytest.raises(Problem, match="no NVIDIA GPU"):
        lease.lend()
    monkeypatch.setattr(containers, "find", lambda _name: None)
    with pytest.raises(Problem, match="kind-worker: the node does not run"):
        lease.lend()


def test_giving_back_nothing_runs_nothing(boot: Callable[..., Machine]) -> None:
    machine = boot(SERVER)
    lease.give_back()
    assert machine.commands == []


def test_a_ledger_that_cannot_be_read_is_one_line(boot: Callable[..., Machine]) -> None:
    boot(SERVER)
    gpu.LEDGERS.mkdir()
    (gpu.LEDGERS / "kind.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(Problem, match=re.escape("kind.json: not a ledger of this tool: version 99")):
        lease.give_back()

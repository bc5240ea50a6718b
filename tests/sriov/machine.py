"""A virtual machine with two SR-IOV network cards (QEMU's igb, an Intel 82576) under plain emulation.

It needs no network card, no KVM and no nested virtualisation.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.programs import shell
from tests.sriov.image import QEMU

if TYPE_CHECKING:
    from pathlib import Path

MEMORY_MIB = 512
# Python waits for the kernel's random numbers, which are ready at once if the processor has an instruction for them.
CPU = "qemu64,+rdrand"
# On a busy machine, the emulated timer may be late when the kernel checks it, which would stop the boot.
KERNEL_WORDS = "console=ttyS0 quiet panic=-1 mitigations=off init_on_alloc=0 no_timer_check"
STATE_DISK_MIB = 16
BOOT_SECONDS = 300
# One root port per card, so that each card has room for its virtual functions.
CARDS = ("52:54:00:0a:00:01", "52:54:00:0b:00:01")


class Machine:
    """One virtual machine, with a small disk that outlives its boots."""

    def __init__(self, folder: Path, kernel: Path, initrd: Path) -> None:
        """Keep the kernel and the RAM disk, and create the folder of the disk and logs."""
        folder.mkdir()
        self._folder = folder
        self._system = (kernel, initrd)
        self._disk = folder / "state.img"
        self._process: subprocess.Popen[bytes] | None = None
        self._pending = b""
        self._boots = 0

    def boot(self, *, afresh: bool = False) -> None:
        """Start it and wait for its agent.

        Args:
            afresh: Empty its disk first.
        """
        if afresh:
            self._disk.unlink(missing_ok=True)
        self._boots += 1
        self._make_disk()
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                [shell.find("nice"), shell.find(QEMU), *self._arguments()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        if not self._answer(BOOT_SECONDS).get("ready"):
            pytest.fail(f"the virtual machine said no ready; its console:\n{self._console()}", pytrace=False)

    def _arguments(self) -> list[str]:
        kernel, initrd = self._system
        cards = [argument for number, mac in enumerate(CARDS, start=1) for argument in (
            "-device", f"pcie-root-port,id=port{number},chassis={number},slot={number}",
            "-netdev", f"hubport,hubid=1,id=wire{number}",
            "-device", f"igb,bus=port{number},netdev=wire{number},mac={mac}",
        )]  # fmt: skip
        return [
            "-nodefaults", "-display", "none", "-no-reboot", "-machine", "q35", "-accel", "tcg", "-smp", "1",
            "-cpu", CPU, "-m", str(MEMORY_MIB), "-kernel", str(kernel), "-initrd", str(initrd), "-append", KERNEL_WORDS,
            "-serial", f"file:{self._console_log}", "-chardev", "stdio,id=agent,signal=off", "-serial", "chardev:agent",
            "-drive", f"file={self._disk},format=raw,if=virtio,cache=writethrough", *cards,
        ]  # fmt: skip

    def _make_disk(self) -> None:
        if not self._disk.exists():
            with self._disk.open("wb") as disk:
                disk.truncate(STATE_DISK_MIB << 20)
            shell.run([shutil.which("mke2fs") or "/sbin/mke2fs", "-q", "-F", "-t", "ext4", self._disk])

    @property
    def runs(self) -> bool:
        """Whether the machine is switched on."""
        return self._process is not None

    def run(self, scenario: str, *, seconds: float = 300) -> str:
        """Run a scenario inside and return what it printed; if it fails, fail with its traceback.

        Args:
            scenario: Name of a scenario of `tests.sriov.vm`.
            seconds: The time after which the machine counts as hung.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"scenario": scenario}).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._answer(seconds)
        if not answer["passed"]:
            pytest.fail(f"{scenario} failed inside the virtual machine:\n{answer['output']}", pytrace=False)
        return str(answer["output"])

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                left = deadline - time.monotonic()
                chunk = os.read(self._process.stdout.fileno(), 65536) if left > 0 and selector.select(left) else b""
                if not chunk:
                    pytest.fail(f"no answer within {seconds:.0f} s; the console:\n{self._console()}", pytrace=False)
                self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    @property
    def _console_log(self) -> Path:
        return self._folder / f"console-{self._boots}.log"

    def _console(self) -> str:
        log = self._console_log
        return "\n".join(log.read_text(errors="replace").splitlines()[-40:]) if log.exists() else ""

    def cut_power(self) -> None:
        """Kill the machine at once: only what it has written to its disk survives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process, self._pending = None, b""

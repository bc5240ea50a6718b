"""Machines that work off what the tests want run, side by side."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.sriov.image import boot_files
from tests.sriov.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

# More than there are cores: half of a scenario is the kernel's sleep while it switches virtual functions off.
MACHINES = 4


class Pool:
    """A few machines; each is switched on when there is work for it, and again after a failure."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder of the machines' disks and logs."""
        kernel, initrd = boot_files(folder)
        self._threads = ThreadPoolExecutor(MACHINES)
        self._machines = [Machine(folder / f"machine-{number}", kernel, initrd) for number in range(1, MACHINES + 1)]
        # The one that was used last is the next one: where there is little to do, few have to boot.
        self._idle: queue.LifoQueue[Machine] = queue.LifoQueue()
        for machine in reversed(self._machines):
            self._idle.put(machine)

    def submit(self, stages: Sequence[str]) -> Future[None]:
        """Have a machine run scenarios in their order, with a power cut between each two.

        Args:
            stages: Names of scenarios of `tests.sriov.vm`.
        """
        return self._threads.submit(self._run, stages)

    def _run(self, stages: Sequence[str]) -> None:
        machine = self._idle.get()
        try:
            _run_on(machine, stages)
        except BaseException:
            # What a failure left is nothing for the next one to start from.
            machine.cut_power()
            raise
        finally:
            self._idle.put(machine)

    def close(self) -> None:
        """Drop what has not begun and switch the machines off."""
        self._threads.shutdown(cancel_futures=True)
        for machine in self._machines:
            machine.cut_power()


def _run_on(machine: Machine, stages: Sequence[str]) -> None:
    first, *others = stages
    if not machine.runs:
        machine.boot(afresh=True)
    machine.run(first)
    for stage in others:
        machine.cut_power()
        machine.boot()
        machine.run(stage)

"""Machines that run the scenarios of the tests in parallel."""

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

# More machines than cores: for half of a scenario, the kernel sleeps while it switches virtual functions off.
MACHINES = 4


class Pool:
    """A few machines; each boots when there is work for it, and again after a failure."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder of the machines' disks and logs."""
        kernel, initrd = boot_files(folder)
        self._threads = ThreadPoolExecutor(MACHINES)
        self._machines = [Machine(folder / f"machine-{number}", kernel, initrd) for number in range(1, MACHINES + 1)]
        # The machine that was used last is used next: if there is little to do, few machines have to boot.
        self._idle: queue.LifoQueue[Machine] = queue.LifoQueue()
        for machine in reversed(self._machines):
            self._idle.put(machine)

    def submit(self, stages: Sequence[str]) -> Future[None]:
        """Let a machine run scenarios in their order, with a power cut between each two.

        Args:
            stages: Names of scenarios of `tests.sriov.vm`.
        """
        return self._threads.submit(self._run, stages)

    def _run(self, stages: Sequence[str]) -> None:
        machine = self._idle.get()
        try:
            _run_on(machine, stages)
        except BaseException:
            # The next scenario must not start from what a failure left.
            machine.cut_power()
            raise
        finally:
            self._idle.put(machine)

    def close(self) -> None:
        """Drop the work that has not begun, and switch the machines off."""
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

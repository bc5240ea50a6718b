"""Processes of this machine that have a file open: finding them, and asking them to end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.programs import root, waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.engines.programs.shell import Completed


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it.

    Attributes:
        pid: Its number.
        command: Name of its program, at most 15 characters.
        group: Path of its control group, which names its systemd unit and its container.
    """

    pid: int
    command: str
    group: str

    @property
    def unit(self) -> str:
        """The systemd service that it belongs to, or an empty string."""
        return next((part for part in reversed(self.group.split("/")) if part.endswith(".service")), "")


@dataclass(frozen=True)
class Processes:
    """The processes of a machine.

    Attributes:
        proc: Where the kernel shows them.
        run: Runs a program as root.
    """

    proc: Path = Path("/proc")
    run: Callable[..., Completed] = root.run

    def users_of(self, *patterns: str) -> tuple[Process, ...]:
        """Return the processes, of any user, that have a file open, sorted by number.

        Args:
            patterns: Shell patterns for the file's path, one of which has to match; `*` also matches a slash.
        """
        links = [word for pattern in patterns for word in ("-o", "-lname", pattern)][1:]
        # A program that root runs, since only root sees the open files of other users. Its exit code is ignored: it
        # fails if a process ends while it is looking.
        found = self.run("find", self.proc, "-mindepth", "3", "-maxdepth", "3", "-path", f"{self.proc}/[0-9]*/fd/*",
                         "(", *links, ")", check=False)  # fmt: skip
        row = re.compile(rf"^{re.escape(str(self.proc))}/(\d+)/fd/\d+$", re.MULTILINE)
        numbers = {int(number) for number in row.findall(found.stdout)}
        return tuple(self._process(number) for number in sorted(numbers))

    def end(self, processes: Sequence[Process], *, deadline: float) -> None:
        """Ask processes to end, and kill those that do not.

        Args:
            processes: The processes.
            deadline: Seconds that they have to end.

        Raises:
            Problem: A process could not be killed either.
        """
        for signal in ("TERM", "KILL"):
            running = [str(process.pid) for process in processes if self._runs(process)]
            if running:
                self.run("kill", f"-{signal}", *running, check=False)
                self._wait(processes, deadline, forgiving=signal == "TERM")

    def _wait(self, processes: Sequence[Process], deadline: float, *, forgiving: bool) -> None:
        names = ", ".join(f"{process.command} ({process.pid})" for process in processes)
        try:
            waiting.until(
                f"end of {names}",
                lambda: [process for process in processes if self._runs(process)],
                lambda running: not running,
                deadline=deadline,
            )
        except Problem:
            if not forgiving:
                raise

    def _runs(self, process: Process) -> bool:
        """Return whether it still runs: not as a zombie, and not replaced by another program with its number."""
        state = re.search(r"^State:\s*(\S)", atomic.text(self.proc / str(process.pid) / "status"), re.MULTILINE)
        same = atomic.word(self.proc / str(process.pid) / "comm") == process.command
        return same and state is not None and state.group(1) not in "ZX"

    def _process(self, number: int) -> Process:
        """Return a process; if it has control groups in several hierarchies, use the one with the longest path."""
        groups = re.findall(
            r"^\d+:(?:name=systemd)?:(.*)$", atomic.text(self.proc / str(number) / "cgroup"), re.MULTILINE
        )
        return Process(number, atomic.word(self.proc / str(number) / "comm"), max(groups, key=len, default=""))

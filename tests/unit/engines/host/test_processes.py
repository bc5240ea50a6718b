"""Finding and ending processes that have a file open: real processes, which the tests start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host.processes import Process, Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.programs import Programs

HOLD = """
import signal, sys
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
file = open(sys.argv[1])
print("open", flush=True)
signal.pause()
"""


@contextmanager
def holding(file: Path, manner: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a process that keeps a file open."""
    file.touch()
    command = [sys.executable, "-c", HOLD, str(file), manner]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_user_of_a_file_is_found_by_pattern(tmp_path: Path) -> None:
    with holding(tmp_path / "nvidia0") as process:
        found = Processes().users_of(f"{tmp_path}/nvidia*")
        assert [one.pid for one in found] == [process.pid]
        assert found[0].command.startswith("python")
    assert Processes().users_of(f"{tmp_path}/nvidia*") == ()


@pytest.mark.parametrize(("manner", "number"), [("", signal.SIGTERM), ("stubborn", signal.SIGKILL)])
def test_a_process_is_asked_to_end_and_killed_only_if_it_does_not(
    tmp_path: Path, manner: str, number: signal.Signals
) -> None:
    with holding(tmp_path / "nvidia0", manner) as process:
        Processes().end(Processes().users_of(f"{tmp_path}/nvidia*"), deadline=1.0)
        assert process.wait(10) == -number


def test_a_number_that_another_program_has_is_left_alone(tmp_path: Path) -> None:
    with holding(tmp_path / "nvidia0") as process:
        Processes().end([Process(process.pid, "Xorg", "/")], deadline=1.0)
        assert process.poll() is None


@pytest.mark.parametrize(
    ("group", "unit"),
    [
        ("/system.slice/nvidia-persistenced.service", "nvidia-persistenced.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope", "user@1000.service"),
        ("/system.slice/docker-1.scope/system.slice/nvidia-mps.service", "nvidia-mps.service"),
        ("/", ""),
    ],
)
def test_the_unit_is_the_innermost_service(group: str, unit: str) -> None:
    assert Process(os.getpid(), "x", group).unit == unit


def test_what_find_or_sudo_says_beside_is_no_process(programs: Programs) -> None:
    told = "Last login: today\n/proc/1/fd/3\n/proc/self/fd/3\n"
    programs.put("find", told)
    programs.put("sudo", told)
    assert [process.pid for process in Processes().users_of("/dev/nvidia*")] == [1]

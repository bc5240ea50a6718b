"""The lock of a run, with real processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.engines.files import lock
from tasks.problems import Problem
from tests.threads import side_by_side

ROOT = Path(__file__).resolve().parents[4]
HOLDER = """
import subprocess, sys
from pathlib import Path
from tasks.engines.files import lock
held = lock.hold(Path(sys.argv[1]), "./doit images")
daemon = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
print(daemon.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "build" / "run.lock"


def start_holder(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_by(holder: subprocess.Popen[str]) -> int:
    """Return the process id that the holder prints once it holds the lock."""
    assert holder.stdout is not None
    return int(holder.stdout.readline())


def test_a_second_run_says_who_holds_it_what_it_runs_and_since_when(path: Path) -> None:
    with start_holder(path) as holder:
        daemon = said_by(holder)
        with pytest.raises(Problem) as raised:
            lock.hold(path, "./doit other")
        assert raised.value.message.startswith(f"pid {holder.pid} runs `./doit images` here since ")
        assert raised.value.hint == f"wait for it, or stop it: kill {holder.pid}"
        os.kill(daemon, signal.SIGKILL)


def test_a_killed_run_leaves_no_lock_though_its_daemon_lives_on(path: Path) -> None:
    holder = start_holder(path)
    daemon = said_by(holder)
    holder.kill()
    holder.communicate()
    try:
        lock.hold(path, "./doit again").release()
        os.kill(daemon, 0)
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_a_released_lock_can_be_taken_again(path: Path) -> None:
    lock.hold(path, "./doit one").release()
    lock.hold(path, "./doit two").release()


def test_a_lock_file_that_its_holder_removed_does_not_count(path: Path) -> None:
    first = lock.hold(path, "./doit clean")
    path.unlink()
    second = lock.hold(path, "./doit images")
    first.release()
    with pytest.raises(Problem, match=r"runs `\./doit images` here"):
        lock.hold(path, "./doit other")
    second.release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(Problem, match=r"run\.lock: its file system knows no locks") as raised:
        lock.hold(path, "./doit images")
    assert raised.value.hint == "CACHE_DIR=<folder>, one on a disk of this machine"
    with pytest.raises(Problem, match=r"go\.lock: its file system knows no locks"), lock.alone(path.with_name("go")):
        pass


def test_a_lock_that_is_not_signed_is_another_run_all_the_same(path: Path) -> None:
    held = lock.hold(path, "./doit images")
    path.write_text("")
    with pytest.raises(Problem, match="another run"):
        lock.hold(path, "./doit other")
    held.release()


def test_threads_make_one_target_one_after_the_other(tmp_path: Path) -> None:
    target = tmp_path / "na[me"
    made: list[bool] = []

    def make() -> None:
        with lock.alone(target):
            part = lock.part_of(target)
            made.append(not target.exists())
            part.write_text("whole")
            part.replace(target)

    side_by_side([make] * 4)
    assert made == [True, False, False, False]
    assert target.read_text() == "whole"


def test_what_a_killed_maker_left_goes_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "na[me.part-1-2").touch()
    lock.part_of(tmp_path / "na[me")
    assert list(tmp_path.iterdir()) == []

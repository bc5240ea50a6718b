"""Running programs: their output, their time limits, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_both_outputs_and_the_exit_code_are_kept() -> None:
    done = shell.run(python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_much_output_on_both_pipes_does_not_block() -> None:
    done = shell.run(python("import sys\nfor _ in range(20000): print('x' * 50); print('y' * 50, file=sys.stderr)"))
    assert len(done.stdout) == len(done.stderr) == 20000 * 51


def test_standard_input_is_the_given_text_or_empty() -> None:
    assert shell.Command(python("import sys; print(sys.stdin.read().upper())"), stdin="abc").run().stdout == "ABC\n"
    assert shell.run(python("import sys; print(len(sys.stdin.read()))")).stdout == "0\n"


def test_a_program_that_does_not_read_its_input_tells_by_its_exit_code() -> None:
    assert shell.Command(python("raise SystemExit(3)"), stdin="x" * 1_000_000).run(check=False).returncode == 3


def test_variables_are_added_and_the_folder_is_the_given_one(tmp_path: Path) -> None:
    command = shell.Command(python("import os; print(os.environ['ADDED'], os.getcwd())"), {"ADDED": "1"}, cwd=tmp_path)
    done = command.run()
    assert done.stdout == f"1 {tmp_path}\n"


def test_a_failure_names_the_program_and_shows_its_last_lines_only() -> None:
    with pytest.raises(Problem) as raised:
        shell.run(python("import sys\nfor n in range(100): print(f'line {n}', file=sys.stderr)\nsys.exit(4)"))
    assert raised.value.message.endswith("failed with exit code 4")
    assert raised.value.details.splitlines() == [f"line {n}" for n in range(70, 100)]


def test_arguments_that_may_be_secret_are_not_in_the_message() -> None:
    with pytest.raises(Problem) as raised:
        shell.run(["git", "no-such-command", "--password=secret"])
    assert raised.value.message == "git no-such-command failed with exit code 1"


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(Problem, match="no-such-program: not found on PATH") as raised:
        shell.find("no-such-program", package="the-package")
    assert raised.value.hint == "sudo apt-get install the-package"


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Problem, match="sleep infinity did not end within"):
        shell.Command(["sleep", "infinity"]).run(timeout=0.2)


class Steps:
    """A listener that keeps the steps."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def step(self, text: str) -> None:
        self.kept.append(text)

    def line(self, text: str) -> None:
        pass


def test_live_output_is_reported_line_by_line() -> None:
    steps = Steps()
    restore = progress.listen(steps)
    shell.run(python("print('one'); print(); print('  two')"), live=True)
    restore()
    assert steps.kept == ["one", "two"]


def test_an_interrupted_wait_ends_the_program(tmp_path: Path) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise SystemExit(130)

    pid_file = tmp_path / "pid"
    earlier = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(SystemExit):
            shell.run(["sh", "-c", f"echo $$ >'{pid_file}'; exec sleep 60"])
    finally:
        signal.signal(signal.SIGALRM, earlier)
    assert gone(int(pid_file.read_text()))


def roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the kernel refuse signals to started programs, as it does for a program that sudo runs."""

    def refuse(_process: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(subprocess.Popen, "terminate", refuse)


def test_an_interrupted_wait_lasts_until_what_root_runs_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        (tmp_path / "interrupted").touch()
        raise SystemExit(143)

    roots(monkeypatch)
    script = f"until [ -e '{tmp_path}/interrupted' ]; do :; done; touch '{tmp_path}/finished'"
    earlier = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(SystemExit) as ended:
            shell.run(["sh", "-c", script])
    finally:
        signal.signal(signal.SIGALRM, earlier)
    assert ended.value.code == 143
    assert (tmp_path / "finished").exists(), "root went on alone"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_root_runs_for_too_long_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots(monkeypatch)
    script = f"until [ -e '{tmp_path}/end' ]; do sleep 0.01; done"
    with pytest.raises(Problem, match="did not end within 0 s"):
        shell.Command(["sh", "-c", script]).run(timeout=0.2)
    (tmp_path / "end").touch()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_programs_of_other_threads_are_stopped_together() -> None:
    threads = [threading.Thread(target=shell.run, args=(["sleep", "60"],)) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(shell._running) < 2 and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    shell.stop_all()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert not shell._running


def test_an_attached_program_gives_its_exit_code(tmp_path: Path) -> None:
    assert shell.run_attached(python("raise SystemExit(5)"), cwd=tmp_path) == 5


def test_two_programs_run_side_by_side_and_the_second_reads_the_first(tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    write = "import sys\nfor _ in range(99): sys.stdout.buffer.write(bytes(range(256)) * 99)"
    read = f"import sys; open({str(copied)!r}, 'wb').write(sys.stdin.buffer.read())"
    shell.run_piped(shell.Command(python(write)), shell.Command(python(read)))
    assert copied.read_bytes() == bytes(range(256)) * 99 * 99


def test_of_two_programs_the_one_that_failed_is_named() -> None:
    good = shell.Command(python("import sys; sys.stdin.read()"))
    for code in ("raise SystemExit('broken')", "print('x'); raise SystemExit('broken')"):
        with pytest.raises(Problem, match="failed with exit code 1") as caught:
            shell.run_piped(shell.Command(["env", *python(code)]), good)
        assert caught.value.details == "broken"
    leaving = shell.Command(python("raise SystemExit('full')"))
    endless = shell.Command(["yes"])
    with pytest.raises(Problem, match="failed with exit code 1") as caught:
        shell.run_piped(endless, leaving)
    assert caught.value.details == "full"


def test_a_stopped_pipe_leaves_no_program(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    wait = f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)"
    thread = threading.Thread(target=lambda: failing(wait))
    thread.start()
    deadline = time.monotonic() + 20
    while not pids.exists() or len(pids.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    shell.stop_all()
    thread.join(20)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def failing(code: str) -> None:
    with pytest.raises(Problem):
        shell.run_piped(shell.Command(python(code)), shell.Command(python(code)))

"""The one place that runs programs."""

from __future__ import annotations

import contextlib
import contextvars
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NoReturn

from tasks import progress
from tasks.engines.programs import interrupts
from tasks.problems import Problem
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TAIL_LINES = 30
_GRACE_SECONDS = 10.0
_running: set[subprocess.Popen[str]] = set()
_starting = threading.RLock()


@dataclass(frozen=True)
class Completed:
    """The result of a finished program: its exit code, standard output and standard error."""

    returncode: int
    stdout: str
    stderr: str


def find(program: str, *, package: str = "") -> str:
    """Return the path of a program on PATH.

    Args:
        program: Name of the program.
        package: Distribution package that contains it, for the error.

    Raises:
        Problem: The program is not on PATH.
    """
    path = shutil.which(program)
    if path is None:
        raise Problem(f"{program}: not found on PATH", hint=f"sudo apt-get install {package or program}")
    return path


@dataclass(frozen=True)
class Command:
    """A program with its arguments and its environment.

    Attributes:
        argv: Program and arguments; no shell is involved.
        env: Variables added to this process's environment, which is passed on without the registry's credentials.
        cwd: Folder to run in.
        stdin: Text for its standard input; empty if None.
    """

    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stdin: str | None = None

    def run(self, *, check: bool = True, live: bool = False, timeout: float | None = None) -> Completed:
        """Run the program to its end and return what it printed.

        Args:
            check: Raise when the exit code is not 0.
            live: Report each line of output as progress while it runs.
            timeout: Seconds after which the program is terminated.

        Raises:
            Problem: The program is missing, failed (with its last lines) or ran out of time.
        """
        with _starting, interrupts.deferred():
            process = self.start()
            _running.add(process)
        completed = _communicate(process, self.stdin, timeout, live=live)
        if check and completed.returncode != 0:
            name = _name([str(word) for word in self.argv])
            raise Problem(f"{name} failed with exit code {completed.returncode}", details=_tail(completed))
        return completed

    def start(self, feeder: subprocess.Popen[str] | None = None) -> subprocess.Popen[str]:
        """Start the program.

        Args:
            feeder: A program whose output it reads.
        """
        source = feeder.stdout if feeder else subprocess.PIPE if self.stdin is not None else subprocess.DEVNULL
        words = [str(word) for word in self.argv]
        words[0] = words[0] if os.sep in words[0] else find(words[0])
        return subprocess.Popen(
            words,
            cwd=self.cwd,
            env={**credentials.kept_out(os.environ), **self.env},
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )


def run(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, check: bool = True, live: bool = False
) -> Completed:
    """Run a program to its end and return what it printed, as `Command.run` does.

    Args:
        argv: Program and arguments; no shell is involved.
        env: Variables added to this process's environment.
        check: Raise when the exit code is not 0.
        live: Report each line of output as progress while it runs.

    Raises:
        Problem: The program is missing, or failed (with its last lines).
    """
    return Command(argv, env or {}).run(check=check, live=live)


def run_piped(source: Command, sink: Command) -> None:
    """Run two programs at the same time, the second of which reads what the first one writes.

    Args:
        source: The program that writes; its output may be binary.
        sink: The program that reads.

    Raises:
        Problem: One of them is missing or failed; if both failed, the reader is to blame for a pipe that it left.
    """
    with _starting, interrupts.deferred():
        first = source.start()
        _running.add(first)
        second = sink.start(first)
        _running.add(second)
    if first.stdout is not None:
        first.stdout.close()
    said = [_Reader(stream, live=True) for stream in (first.stderr,) if stream is not None]
    try:
        done = _communicate(second, None, None, live=True)
        code = _await_end(first, timeout=None)
    finally:
        _stop(first)
    lines = "\n".join(line for reader in said for line in reader.tail())
    for command, returncode, details in ((source, code, lines), (sink, done.returncode, _tail(done))):
        if returncode not in {0, -signal.SIGPIPE}:
            name = _name([str(word) for word in command.argv])
            raise Problem(f"{name} failed with exit code {returncode}", details=details)


def run_attached(argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run a program that is attached to the terminal, and return its exit code.

    Args:
        argv: Program and arguments; no shell is involved.
        cwd: Folder to run in.
        env: Variables added to this process's environment.
    """
    with _starting, interrupts.deferred():
        environment = {**os.environ, **(env or {})}
        process = subprocess.Popen([str(word) for word in argv], cwd=cwd, env=environment, text=True)
        _running.add(process)
    return _await_end(process, timeout=None)


def replace_this_process(argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> NoReturn:
    """Become a program, which then has this process's terminal, signals and exit code.

    Args:
        argv: Program, as a path, and arguments.
        cwd: Folder to run in.
        env: Variables added to this process's environment, which is passed on without the registry's credentials.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(cwd)
    # Python ignores this signal, and a program that it becomes would go on doing so.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    words = [str(word) for word in argv]
    os.execve(words[0], words, {**credentials.kept_out(os.environ), **env})  # noqa: S606 - no shell is wanted


def stop_all() -> None:
    """Stop all programs that still run, such as those of other threads when a run is interrupted."""
    with _starting:
        running = list(_running)
    for process in running:
        _stop(process)
        _running.discard(process)


def _await_end(process: subprocess.Popen[str], timeout: float | None) -> int:
    """Wait for the exit code; if the wait ends early, stop the process."""
    try:
        return process.wait(timeout)
    except BaseException as reason:
        _stop(process, patient=not isinstance(reason, subprocess.TimeoutExpired))
        raise
    finally:
        _running.discard(process)


def _communicate(process: subprocess.Popen[str], stdin: str | None, timeout: float | None, *, live: bool) -> Completed:
    """Feed and drain the process until it ends."""
    readers = [_Reader(stream, live=live) for stream in (process.stdout, process.stderr) if stream is not None]
    try:
        if process.stdin is not None:
            _feed(process.stdin, stdin or "")
        _await_end(process, timeout)
    except subprocess.TimeoutExpired:
        command = _name([str(word) for word in process.args])  # type: ignore[union-attr]
        raise Problem(f"{command} did not end within {timeout:.0f} s", details="\n".join(readers[1].tail())) from None
    return Completed(process.returncode, readers[0].text(), readers[1].text())


def _feed(stream: IO[str], text: str) -> None:
    # If a program ends without reading its input, its exit code is what counts.
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(text)


class _Reader:
    """Drains one output of a process in its own thread, so that the pipe does not fill up."""

    def __init__(self, stream: IO[str], *, live: bool) -> None:
        self._lines: list[str] = []
        self._live = live
        # What it reports is of the task whose thread this is.
        here = contextvars.copy_context()
        self._thread = threading.Thread(target=here.run, args=(self._drain, stream), daemon=True)
        self._thread.start()

    def _drain(self, stream: IO[str]) -> None:
        with stream:
            for raw in stream:
                self._lines.append(raw)
                if self._live and raw.strip():
                    progress.step(raw.strip())

    def text(self) -> str:
        # A grandchild that keeps the pipe open must not block the caller forever.
        self._thread.join(_GRACE_SECONDS)
        return "".join(self._lines)

    def tail(self) -> list[str]:
        return [raw.rstrip() for raw in deque(self._lines, maxlen=_TAIL_LINES)]


def _stop(process: subprocess.Popen[str], *, patient: bool = True) -> None:
    """End a process; one that runs as root (sudo) cannot be signalled, and has to end by itself.

    Args:
        process: The process.
        patient: Wait for a process that runs as root, so that it does not go on alone.
    """
    try:
        process.terminate()
    except PermissionError:
        if patient:
            progress.step(f"waiting for {_name([str(word) for word in process.args])}, which root runs")  # type: ignore[union-attr]
            process.wait()
        return
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _name(words: Sequence[str]) -> str:
    """Return the program with its subcommand: enough to identify it, without arguments that may be secret."""
    program = os.path.basename(words[0])  # noqa: PTH119 - a word, not a file
    subcommand = next((word for word in words[1:2] if not word.startswith("-")), "")
    return f"{program} {subcommand}".strip()


def _tail(completed: Completed) -> str:
    lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return "\n".join(lines[-_TAIL_LINES:])

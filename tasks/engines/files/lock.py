"""Locks: one run at a time in a checkout, with who holds the lock, and one maker at a time of a shared file."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import shutil
import time
from typing import TYPE_CHECKING

from tasks.engines.files import access
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Held:
    """A lock that is held until it is released or the process ends in any way."""

    def __init__(self, descriptor: int) -> None:
        """Keep the open file that holds the lock."""
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next run in."""
        os.close(self._descriptor)


def hold(path: Path, command: str) -> Held:
    """Take the lock without waiting.

    Args:
        path: File of the lock; created with its folder if absent.
        command: What this process runs; shown if another process wants the lock.

    Raises:
        Problem: Another process holds it (the message says which one, what it runs and since when), or it cannot be
            taken.
    """
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _held_by(path) from None
        except OSError as error:
            os.close(descriptor)
            raise access.refused(path, error) from None
        if _is_still(path, descriptor):
            _sign(descriptor, command)
            return Held(descriptor)
        os.close(descriptor)  # the previous holder removed the file, as `clean` does


def holder(path: Path, command: str) -> Problem | None:
    """Return who holds a lock, or None if a process can take it now.

    Args:
        path: File of the lock.
        command: What this process runs.
    """
    try:
        hold(path, command).release()
    except Problem as problem:
        return problem
    return None


@contextlib.contextmanager
def alone(target: Path) -> Iterator[None]:
    """Let one thread of one process at a time make `target`, and others wait; create its folder.

    Args:
        target: File or folder that checkouts share; the lock is a file beside it.

    Raises:
        Problem: The lock cannot be taken.
    """
    path = target.with_name(f"{target.name}.lock")
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise access.refused(path, error) from None
        yield
    finally:
        os.close(descriptor)


def part_of(target: Path) -> Path:
    """Return a path beside `target` at which to make it before it is renamed; call this only inside `alone`.

    What a killed maker left is removed. Each maker has its own path, since a program that a killed maker started may
    still be writing.

    Args:
        target: File or folder to make.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f"{glob.escape(target.name)}.part-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return target.with_name(f"{target.name}.part-{os.getpid()}-{time.monotonic_ns()}")


def _open(path: Path) -> int:
    """Open a lock's file, and return its descriptor."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Python opens with O_CLOEXEC, so that a daemon started by this run does not keep the lock.
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise access.refused(path, error) from None


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int, command: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "command": command, "since": time.time()}).encode(), 0)


def _held_by(path: Path) -> Problem:
    """Return an error that says who holds the lock; a holder that has not signed yet is just another run."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        since = time.strftime("%H:%M:%S", time.localtime(holder["since"]))
        who = f"pid {holder['pid']} runs `{holder['command']}` here since {since}"
        return Problem(who, hint=f"wait for it, or stop it: kill {holder['pid']}")
    except (OSError, ValueError, KeyError):
        return Problem("another run has just started here", hint="wait for it")

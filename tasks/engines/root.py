"""Programs that only root may run: directly by root, through `sudo -n` otherwise."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from tasks.engines import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


def run(*argv: str | Path, stdin: str | None = None, cwd: Path | None = None, check: bool = True) -> shell.Completed:
    """Run a program as root.

    Args:
        argv: Program and arguments.
        stdin: Text for its standard input.
        cwd: Folder to run in.
        check: Raise when the exit code is not 0.

    Raises:
        Problem: sudo was refused, or the program failed (with what it said).
    """
    words = [str(word) for word in argv]
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = shell.run([*prefix, *words], stdin=stdin, cwd=cwd, check=False)
    if prefix and done.returncode != 0 and done.stderr.startswith("sudo:"):
        raise Problem(
            f"sudo was refused: {words[0]} must be run by root",
            details=done.stderr.strip(),
            hint="sudo -v, then the same command",
        )
    if check and done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise Problem(f"{' '.join(words)}: {said or f'exit code {done.returncode}'}")
    return done


def write(path: Path, text: str) -> None:
    """Put a file in place at once, with its folder; it is on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}")
    run("mkdir", "-p", path.parent)
    run("tee", temporary, stdin=text)
    run("sync", temporary)
    run("mv", "-T", temporary, path)
    run("sync", path.parent)

"""Programs that only root may run: directly by root, through `sudo -n` otherwise."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


# One program each, so that a run that is stopped leaves nothing half done: folder, file, and a path beside it.
_WRITE = """
umask 022 && mkdir -p -- "$1" && cat >"$3" && chmod 644 -- "$3" && sync -- "$3" && mv -T -- "$3" "$2" && sync -- "$1"
"""
_ENSURE = 'umask 022 && mkdir -p -- "$1" && chmod 755 -- "$1" "$1/.." && : >>"$2" && chmod 644 -- "$2"'


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
    done = shell.Command([*prefix, *words], stdin=stdin, cwd=cwd).run(check=False)
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
    """Put a file in place at once; it is on the disk when this returns.

    Folders that are missing are made; everybody may read these and the file, whatever the umask is.

    Raises:
        Problem: sudo was refused, or the file cannot be written.
    """
    _script(_WRITE, path, path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}"), stdin=text)


def ensure(path: Path) -> None:
    """Have a file, empty where it is new, in a folder that is this tool's own as the one above it is: all readable.

    Raises:
        Problem: sudo was refused, or the file cannot be made.
    """
    _script(_ENSURE, path)


def _script(script: str, path: Path, *others: Path, stdin: str | None = None) -> None:
    done = run("sh", "-c", script, "sh", path.parent, path, *others, stdin=stdin, check=False)
    if done.returncode != 0:
        raise Problem(f"{path}: cannot be written: {done.stderr.strip() or f'exit code {done.returncode}'}")

"""Programs that only root may run: directly if this process is root, and through `sudo -n` otherwise."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


# Each is one program, so that a stopped run leaves nothing half done. Arguments: folder, file, temporary file.
_WRITE = """
umask 022 && mkdir -p -- "$1" && cat >"$3" && chmod 644 -- "$3" && sync -- "$3" && mv -T -- "$3" "$2" && sync -- "$1"
"""
_ENSURE = 'umask 022 && mkdir -p -- "$1" && chmod 755 -- "$1" "$1/.." && : >>"$2" && chmod 644 -- "$2"'


def prefix() -> list[str]:
    """Return the words before a command that root has to run; none if this process is root."""
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def run(*argv: str | Path, stdin: str | None = None, cwd: Path | None = None, check: bool = True) -> shell.Completed:
    """Run a program as root.

    Args:
        argv: Program and arguments.
        stdin: Text for its standard input.
        cwd: Folder to run in.
        check: Raise when the exit code is not 0.

    Raises:
        Problem: sudo was refused, or the program failed (with its output).
    """
    words = [str(word) for word in argv]
    before = prefix()
    done = shell.Command([*before, *words], stdin=stdin, cwd=cwd).run(check=False)
    if before and done.returncode != 0 and done.stderr.startswith("sudo:"):
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
    """Replace or create a file atomically; it is on the disk when this returns.

    Missing folders are created. Everybody may read them and the file, whatever the umask is.

    Raises:
        Problem: sudo was refused, or the file cannot be written.
    """
    _script(_WRITE, path, path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}"), stdin=text)


def ensure(path: Path) -> None:
    """Create an empty file, unless it exists, and make it and the two folders above it readable for everybody.

    Both folders must be the tool's own, since their modes are changed.

    Raises:
        Problem: sudo was refused, or the file cannot be created.
    """
    _script(_ENSURE, path)


def _script(script: str, path: Path, *others: Path, stdin: str | None = None) -> None:
    done = run("sh", "-c", script, "sh", path.parent, path, *others, stdin=stdin, check=False)
    if done.returncode != 0:
        raise Problem(f"{path}: cannot be written: {done.stderr.strip() or f'exit code {done.returncode}'}")

"""Programs that only root may run: directly if this process is root, and through `sudo -n` otherwise.

sudo asks for the password once and remembers that with a ticket, for 15 minutes by default. `ask` gets a ticket before
a run starts, and `keep_ticket` renews it until the run ends (sudo(8), `-n` and `-v`).
"""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_SUDO = "sudo"
# Name of the thread that renews the ticket.
KEEPER = "sudo-ticket"
# Shorter than any timestamp_timeout in whole minutes but 0, with which sudo remembers nothing.
_RENEWED_SECONDS = 50.0
# Each is one program, so that a stopped run leaves nothing half done. Arguments: folder, file, temporary file.
_WRITE = """
umask 022 && mkdir -p -- "$1" && cat >"$3" && chmod 644 -- "$3" && sync -- "$3" && mv -T -- "$3" "$2" && sync -- "$1"
"""
_ENSURE = 'umask 022 && mkdir -p -- "$1" && chmod 755 -- "$1" "$1/.." && : >>"$2" && chmod 644 -- "$2"'


def prefix() -> list[str]:
    """Return the words before a command that root has to run; none if this process is root."""
    return [] if os.geteuid() == 0 else [_SUDO, "-n"]


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
            hint="sudo -v, then the same command, which goes on where this one stopped",
        )
    if check and done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise Problem(f"{' '.join(words)}: {said or f'exit code {done.returncode}'}")
    return done


def is_granted(*argv: str | Path, stdin: str | None = None, cwd: Path | None = None) -> bool:
    """Return whether root may run a program now, without a question.

    The program is run. `sudo -n -l` would not do: it also succeeds for what needs a password.

    Args:
        argv: Program and arguments, which have to be harmless.
        stdin: Text for its standard input.
        cwd: Folder to run in.
    """
    if os.geteuid() == 0:
        return True
    if shutil.which(_SUDO) is None:
        return False
    return shell.Command([_SUDO, "-n", *argv], stdin=stdin, cwd=cwd).run(check=False).returncode == 0


def ask() -> bool:
    """Let sudo ask for the password on the terminal; return whether root may now run programs."""
    return shutil.which(_SUDO) is not None and shell.run_attached([_SUDO, "-v"]) == 0 and is_granted("true")


def keep_ticket(seconds: float = _RENEWED_SECONDS) -> Callable[[], None]:
    """Renew sudo's ticket in a thread of its own, so that it does not run out.

    Args:
        seconds: Time between two renewals.

    Returns:
        A function that ends the thread.
    """
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(seconds):
            shell.run([_SUDO, "-n", "-v"], check=False)

    thread = threading.Thread(target=renew, name=KEEPER, daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


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

"""Files that record what the host lends (its network cards, its GPU).

A folder of ledgers belongs to the machine. Everybody can read it, only root writes it, and only one run at a time
changes it, whatever its checkout or user. Each ledger names the checkout that lends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks import progress
from tasks.engines.programs import root
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Ledger = TypeVar("Ledger")

# The file in a folder of ledgers that a run locks.
RUN_LOCK = ".run.lock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """Return the kernel's identifier of this boot; a reboot by itself gives back everything that was lent."""
    return _BOOT_ID.read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def alone(folder: Path, make: Callable[[Path], None] = root.ensure) -> Iterator[None]:
    """Wait until no other run on this machine lends or gives back, and keep other runs from doing so.

    Args:
        folder: The folder of the ledgers; the lock is a file in it.
        make: Creates the lock as root.

    Raises:
        Problem: The lock does not exist yet, and sudo was refused.
    """
    with contextlib.ExitStack() as stack:
        descriptor = _open(folder / RUN_LOCK, make)
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("waiting for another run on this machine that lends or gives back")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _open(lock: Path, make: Callable[[Path], None]) -> int:
    # Opened for reading, which is enough for the lock: only root may write.
    try:
        return os.open(lock, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        make(lock)
        return os.open(lock, os.O_RDONLY)


def here() -> str:
    """Return the name of this checkout, as it is written in a ledger."""
    return str(paths.ROOT)


def is_foreign(checkout: str) -> bool:
    """Return whether a ledger is another checkout's; if that checkout is gone, any other may give back its loans.

    Args:
        checkout: The checkout that the ledger names; empty if it names none.
    """
    return checkout not in {"", here()} and _is_there(Path(checkout) / "dodo.py")


def _is_there(path: Path) -> bool:
    """Return whether a file exists; assume so if this user may not enter its folder."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def clusters(folder: Path) -> list[str]:
    """Return the names of the clusters that have a ledger.

    Raises:
        Problem: This user may not read the folder.
    """
    try:
        return sorted(Path(name).stem for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise _unreadable(folder) from error


def exists(file: Path) -> bool:
    """Return whether there is a ledger; one that this user may not see counts, and reading it shows why."""
    return _is_there(file)


def _unreadable(path: Path) -> Problem:
    folder = path.parent if path.suffix else path
    return Problem(
        f"{path}: this user may not read what is lent",
        hint=f"sudo chmod a+rX {folder.parent}; sudo chmod -R a+rX {folder}",
    )


def read(file: Path, version: int, parse: Callable[[dict[str, Any]], Ledger], *, hint: str) -> Ledger | None:
    """Return the content of a ledger, or None if there is no ledger.

    Args:
        file: The ledger.
        version: The only version that is understood.
        parse: Creates the ledger from its content; may raise KeyError, TypeError or ValueError.
        hint: Where to read what to do if it cannot be understood.

    Raises:
        Problem: The file cannot be read or understood.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["version"] != version:
            raise ValueError(f"version {data['version']}")  # noqa: TRY301 - one of the ways not to be understood
        return parse(data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise _unreadable(file) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{file}: not a ledger of this tool: {error}", hint=hint) from error

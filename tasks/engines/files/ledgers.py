"""Files that say what of the host is lent (its network cards, its GPU).

A folder of them belongs to the machine: everybody reads it, root writes it, and one run at a time changes it, whichever
checkout or user it is of. Each ledger names the checkout that lends.
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

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """Return the kernel's identifier of this boot: a reboot gives back by itself what was lent."""
    return _BOOT_ID.read_text(encoding="utf-8").strip()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait for every other run on this machine that lends or gives back, and hold them off meanwhile.

    Args:
        folder: The folder of the ledgers; the lock is a file in it, which root makes.

    Raises:
        Problem: The lock is not there yet, and sudo was refused.
    """
    with contextlib.ExitStack() as stack:
        descriptor = _opened(folder / ".run.lock")
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("waiting for another run on this machine that lends or gives back")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _opened(lock: Path) -> int:
    # For reading, which is enough for the lock and all that another user than root may.
    try:
        return os.open(lock, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        root.ensure(lock)
        return os.open(lock, os.O_RDONLY)


def here() -> str:
    """Return the name of this checkout, as a ledger holds it."""
    return str(paths.ROOT)


def is_foreign(checkout: str) -> bool:
    """Return whether a ledger is another checkout's; what one that is gone had lent is anybody's to give back.

    Args:
        checkout: What the ledger holds; empty in one that does not tell.
    """
    return checkout not in {"", here()} and _is_there(Path(checkout) / "dodo.py")


def _is_there(path: Path) -> bool:
    """Return whether a file exists; one in a folder that this user may not enter is taken to."""
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
        Problem: This user may not look into the folder.
    """
    try:
        return sorted(Path(name).stem for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise _unreadable(folder) from error


def exists(file: Path) -> bool:
    """Return whether there is a ledger; one that this user may not see counts, so that reading it tells why."""
    return _is_there(file)


def _unreadable(path: Path) -> Problem:
    folder = path.parent if path.suffix else path
    return Problem(
        f"{path}: this user may not read what is lent",
        hint=f"sudo chmod a+rX {folder.parent}; sudo chmod -R a+rX {folder}",
    )


def read(file: Path, version: int, parse: Callable[[dict[str, Any]], Ledger], *, hint: str) -> Ledger | None:
    """Return what a ledger holds, or None where there is none.

    Args:
        file: The ledger.
        version: The one version that is understood.
        parse: Makes the ledger of its content; may raise KeyError, TypeError or ValueError.
        hint: Where to read what to do with one that cannot be understood.

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

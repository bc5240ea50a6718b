"""Why a path cannot be written, in one line, with what to do about it."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
_DENIED = (errno.EACCES, errno.EPERM)
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Errors that are never a bug of this tool.
_UNWRITABLE = (*_DENIED, *_FULL, errno.EROFS)


def refused(path: Path, error: OSError) -> Problem:
    """Return the explanation of an error.

    Args:
        path: File or folder that was to be opened, created or replaced.
        error: The system's error.
    """
    explain = next((explain for numbers, explain in _REASONS if error.errno in numbers), None)
    return explain(path) if explain else Problem(f"{_shown(path)}: {error.strerror}")


def of_our_places(error: OSError, cache_dir: Path | None) -> Problem | None:
    """Return the explanation of an error in the checkout or the cache, or of a full disk; None for other errors.

    Args:
        error: The error that an action raised.
        cache_dir: The cache; None if no valid parameters name one.
    """
    if error.errno in _FULL and error.filename is None:
        return Problem("no space is left on a disk", hint=f"df -h {shlex.quote(str(paths.ROOT))}")
    if error.errno not in _UNWRITABLE or not isinstance(error.filename, (str, Path)):
        return None
    path = Path(error.filename)
    places = [paths.ROOT, *([cache_dir] if cache_dir else [])]
    return refused(path, error) if any(_is_inside(path, place) for place in places) else None


def _is_inside(path: Path, folder: Path) -> bool:
    return folder in (path, *path.parents)


def generated() -> tuple[Path, ...]:
    """Return what this tool creates in a checkout."""
    return (paths.BUILD, paths.RESULT, paths.VENV, paths.ROOT / ".venv.lock", paths.ROOT / ".env")


def is_foreign(top: Path) -> bool:
    """Return whether a file, or anything in a folder, belongs to another user than that of this process."""
    return any(owner != os.geteuid() for owner in _owners(top))


def check_removable(top: Path) -> None:
    """Stop if a folder cannot be removed with everything in it.

    Raises:
        Problem: The entries of a folder in it cannot be removed.
    """
    for folder, _, _ in os.walk(top):
        if os.listdir(folder) and not os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH208 - names are enough
            raise refused(Path(folder), PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _owners(top: Path) -> Iterator[int]:
    if os.path.lexists(top):
        yield top.lstat().st_uid
    if top.is_symlink():
        return
    for folder, folders, files in os.walk(top):
        yield from (os.lstat(os.path.join(folder, name)).st_uid for name in (*folders, *files))  # noqa: PTH118 - fast


def _read_only(path: Path) -> Problem:
    return Problem(f"{_shown(path)}: is on a read-only file system", hint=f"{_elsewhere(path)} that can be written to")


def _full(path: Path) -> Problem:
    return Problem(f"{_shown(path)}: no space is left on its disk", hint=f"df -h {shlex.quote(str(_existing(path)))}")


def _without_locks(path: Path) -> Problem:
    return Problem(f"{_shown(path)}: its file system knows no locks", hint=f"{_elsewhere(path)} of this machine")


def _folder(path: Path) -> Problem:
    return Problem(f"{_shown(path)}: is a folder, not a file", hint=_moved_away(path))


def _in_the_way(path: Path) -> Problem:
    barrier = next(part for part in (path, *path.parents) if os.path.lexists(part) and not part.is_dir())
    return Problem(f"{_shown(barrier)}: is in the way of a folder of that name", hint=_moved_away(barrier))


def _denied(path: Path) -> Problem:
    barrier = _existing(path)
    owner = barrier.stat().st_uid
    if owner == os.geteuid():
        what = "its mode" if barrier == path else f"the mode of {_shown(barrier)}"
        cure = f"chmod u+w {shlex.quote(str(barrier))}"
        return Problem(f"{_shown(path)}: {what} does not allow it", hint=cure)
    if os.geteuid() == 0:
        return Problem(
            f"{_shown(path)}: the system does not let even root write it", hint=f"lsattr -d {shlex.quote(str(barrier))}"
        )
    places = " ".join(shlex.quote(str(place)) for place in _not_ours(barrier))
    user = _name(os.geteuid())
    what = "" if barrier == path else f"{_shown(barrier)} "
    return Problem(
        f"{_shown(path)}: {what}belongs to {_name(owner)}, not to {user}",
        hint=f"sudo chown -R {user}: {places}",
    )


def _not_ours(barrier: Path) -> list[Path]:
    """Return the paths whose owner has to change; in a checkout all of them, as a run as root leaves several."""
    if barrier == paths.ROOT or paths.ROOT not in barrier.parents:
        return [barrier]
    found = [place for place in generated() if is_foreign(place)]
    covered = any(place == barrier or place in barrier.parents for place in found)
    return found if covered else [*found, barrier]


def _existing(path: Path) -> Path:
    return next(part for part in (path, *path.parents) if part.exists())


def _elsewhere(path: Path) -> str:
    inside = paths.ROOT in path.parents
    return "use a checkout on a disk" if inside else "CACHE_DIR=<folder>, one on a disk"


def _moved_away(path: Path) -> str:
    return f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.old')}"


def _shown(path: Path) -> str:
    if path == paths.ROOT:
        return "the checkout"
    return path.relative_to(paths.ROOT).as_posix() if paths.ROOT in path.parents else str(path)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


_REASONS = (
    (_DENIED, _denied),
    ((errno.EROFS,), _read_only),
    (_FULL, _full),
    ((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS), _without_locks),
    ((errno.EISDIR,), _folder),
    ((errno.EEXIST, errno.ENOTDIR), _in_the_way),
)

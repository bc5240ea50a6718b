"""Under sudo: gives the user what root creates in the user's checkout, cache and kubeconfig."""

from __future__ import annotations

import atexit
import os
import pwd
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import access
from tasks.engines.kube import kubeconfigs
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterable

# The times of files lag by at most one kernel tick, in seconds: 0.01 on the kernels with the slowest tick.
_TICK = 0.02
_ALWAYS = 0.0
_COMPILED = "__pycache__"


_registered: list[bool] = []


@dataclass(frozen=True)
class Owner:
    """The user who is to own the files: user ID, group ID and home."""

    uid: int
    gid: int
    home: Path


def give_back_at_exit() -> None:
    """Give root's files in a user's checkout to the user when this process ends, except by SIGKILL.

    Call it first: the exit functions of others then run before it.
    """
    owner = user()
    if owner and not _registered:
        _registered.append(True)
        atexit.register(_give_back, owner, _absent(owner), time.time() - _TICK)


def user() -> Owner | None:
    """Return the user for whom root works through sudo; None without sudo, and if root owns the checkout.

    sudo names its caller in SUDO_UID and SUDO_GID (sudo(8)). If a third user owns the checkout, it is that user.
    """
    given = os.environ.get("SUDO_UID", "")
    checkout = paths.ROOT.stat()
    if os.geteuid() != 0 or not given.isdecimal() or 0 in {int(given), checkout.st_uid}:
        return None
    group = os.environ.get("SUDO_GID", "") if int(given) == checkout.st_uid else ""
    return Owner(checkout.st_uid, int(group) if group.isdecimal() else checkout.st_gid, _home(checkout.st_uid))


def _home(uid: int) -> Path:
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return paths.ROOT  # no such account, which owns nothing outside the checkout


def _absent(owner: Owner) -> list[Path]:
    """Return the paths in the user's home that do not exist yet and that root may create."""
    wanted = [*kubeconfigs.files(), *_caches()]
    places = {place for path in wanted if owner.home in path.parents for place in (path, *path.parents)}
    return sorted(place for place in places if owner.home in place.parents and not os.path.lexists(place))


def _caches() -> list[Path]:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return [Path(base) if Path(base).is_absolute() else Path.home() / ".cache"]


def _give_back(owner: Owner, absent: Iterable[Path], since: float) -> None:
    try:
        _give_all(owner, absent, since)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: could not be given back to user {owner.uid}: {error.strerror}\n")


def _give_all(owner: Owner, absent: Iterable[Path], since: float) -> None:
    cache = _cache_of(owner)
    # This comes first: its imports make Python write compiled modules into the checkout.
    engine = _engine(cache) if cache else None
    for place in access.generated():
        _give(place, owner, _ALWAYS)
    _give(paths.ROOT, owner, since)
    for place in absent:
        _give_one(place, owner)
    if cache:
        _give(cache, owner, since, skipped=engine)


def _cache_of(owner: Owner) -> Path | None:
    """Return the cache that this run used if it is in the user's home, else None."""
    if not parameters.current.cache_info().currsize:
        return None
    cache = parameters.current().cache_dir
    return cache if owner.home in cache.parents else None


def _engine(cache: Path) -> Path:
    from tasks.engines.docker import embedded_home

    return embedded_home.of_cache(cache).home  # what Docker runs and keeps belongs to root


def _give_one(path: Path, owner: Owner) -> None:
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        _chown(path.name, descriptor, owner, _ALWAYS)
    finally:
        os.close(descriptor)


def _give(top: Path, owner: Owner, since: float, skipped: Path | None = None) -> None:
    """Give away what root owns in a folder and changed since a time; follow no link and enter no other disk."""
    _give_one(top, owner)
    if top.is_symlink() or not top.is_dir():
        return
    device = top.stat().st_dev
    for folder, folders, files, descriptor in os.fwalk(top):
        folders[:] = [name for name in folders if Path(folder, name) != skipped]
        # Python writes compiled modules into it even before this module is imported.
        limit = _ALWAYS if folder.endswith(_COMPILED) else since
        for name in (*folders, *files):
            _chown(name, descriptor, owner, _ALWAYS if name == _COMPILED else limit)
        folders[:] = [name for name in folders if _is_entered(name, descriptor, device)]


def _is_entered(name: str, folder: int, device: int) -> bool:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_dev == device
    except FileNotFoundError:
        return False


def _chown(name: str, folder: int, owner: Owner, since: float) -> None:
    """Give away one entry, but neither the target of a link nor a file with a second name, perhaps elsewhere."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        single = found.st_nlink == 1 or stat.S_ISDIR(found.st_mode)
        if found.st_uid == 0 and single and found.st_ctime >= since:
            os.chown(name, owner.uid, owner.gid, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        pass  # another program has removed it

"""The user's kubeconfigs: the one to which kind writes a cluster's access, and what would keep it from doing so.

kind looks at them only at the end, when the nodes have been created or removed. This module follows what it does then:
https://github.com/kubernetes-sigs/kind/tree/v0.24.0/pkg/cluster/internal/kubeconfig/internal/kubeconfig
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.engines.files import atomic
from tasks.engines.programs import waiting
from tasks.problems import Problem

# kind and kubectl hold the lock only while they write one small file.
_LOCK_SECONDS = 5.0
_LISTS = ("clusters", "users", "contexts")
# FS_IOC_GETFLAGS and its bits FS_IMMUTABLE_FL and FS_APPEND_FL, of linux/fs.h.
_GET_FLAGS = 0x80086601
_ATTRIBUTES = {0x10: "i", 0x20: "a"}
_ELSEWHERE = "export KUBECONFIG=/path/to/another/file"


@dataclass(frozen=True)
class Obstacle:
    """What keeps kind from writing a kubeconfig.

    Attributes:
        reason: What is wrong, with the name of the file.
        cure: The command that fixes it.
    """

    reason: str
    cure: str


def files() -> list[Path]:
    """Return the files that the user's kubectl reads."""
    given = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part) for part in dict.fromkeys(given)] or [Path(os.environ.get("HOME", ""), ".kube", "config")]


def target() -> Path:
    """Return the file to which kind writes a new cluster's access: the first that exists, or else the last."""
    choices = files()
    there = [file for file in choices if file.exists() and not file.is_dir()]
    return (there if there and len(choices) > 1 else choices[-1:])[0]


def require_writable() -> None:
    """Stop, before nodes are created, if kind cannot write the new cluster's access.

    Raises:
        Problem: It cannot; one line with the file and the cause.
    """
    _require(target())


def require_removable(cluster: str) -> None:
    """Stop, before nodes are removed, if kind cannot remove a cluster from the files that name it.

    Args:
        cluster: Name of the cluster.

    Raises:
        Problem: It cannot; one line with the file and the cause.
    """
    for file in naming(cluster):
        _require(file)


def naming(cluster: str) -> list[Path]:
    """Return the user's kubeconfigs that name a cluster, including damaged ones.

    Args:
        cluster: Name of the cluster.
    """
    context = re.compile(rf"(?<![\w.-])kind-{re.escape(cluster)}(?![\w.-])")
    return [file for file in files() if context.search(atomic.text(file))]


def obstacle(file: Path) -> Obstacle | None:
    """Return what would keep kind from writing a kubeconfig, or None; change nothing.

    Args:
        file: The kubeconfig, which may be absent.
    """
    looks = (_unexpanded, _wrong_folder, _wrong_kind, _read_only, _left_lock, _damaged)
    return next((found for look in looks if (found := look(file))), None)


def _require(file: Path) -> None:
    waiting.until(
        f"{_lock(file)}: released",
        lambda: _lock_age(file),
        lambda age: age is None or age > _LOCK_SECONDS,
        deadline=2 * _LOCK_SECONDS,
    )
    found = obstacle(file)
    if found:
        raise Problem(f"kubeconfig: {found.reason}", hint=found.cure)


def _unexpanded(file: Path) -> Obstacle | None:
    if file.parts[:1] != ("~",):
        return None
    return Obstacle(f"{file}: nothing expands ~ in KUBECONFIG", f'export KUBECONFIG="$HOME"/{_words(*file.parts[1:])}')


def _wrong_folder(file: Path) -> Obstacle | None:
    """Check the folder, in which kind creates the lock and a new file, or the folder in which it would be created."""
    folder = next(parent for parent in file.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        return Obstacle(f"{file}: {folder} is not a folder", _ELSEWHERE)
    return None if os.access(folder, os.W_OK | os.X_OK) else _not_writable(folder)


def _wrong_kind(file: Path) -> Obstacle | None:
    if file.is_dir():
        return Obstacle(f"{file}: is a folder", f"rmdir {_words(file)}, if it is empty; or {_ELSEWHERE}")
    if file.exists() and not file.is_file():
        return Obstacle(f"{file}: is not a regular file", _ELSEWHERE)
    if file.is_symlink() and not file.exists():
        return _dangling(file)
    return None


def _dangling(link: Path) -> Obstacle | None:
    """Check a dangling link: kind writes through it if the target's folder exists."""
    try:
        end = link.resolve(strict=False)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        end = link
    if end == link.absolute() or end.is_symlink():
        return Obstacle(f"{link}: is a link to itself", f"rm {_words(link)}")
    if not end.parent.is_dir():
        return Obstacle(f"{link}: is a link into {end.parent}, which is not there", f"mkdir -p {_words(end.parent)}")
    return None if os.access(end.parent, os.W_OK | os.X_OK) else _not_writable(end.parent)


def _read_only(file: Path) -> Obstacle | None:
    if not file.exists():
        return None
    if not os.access(file, os.R_OK):
        return Obstacle(f"{file}: cannot be read", f"{_owner_command(file)} {_words(file)}")
    try:
        os.close(os.open(file, os.O_WRONLY))
    except OSError:
        return _not_writable(file)
    return None


def _left_lock(file: Path) -> Obstacle | None:
    age = _lock_age(file)
    if age is None or age <= _LOCK_SECONDS:
        return None
    reason = f"{_lock(file)}: a killed kind or kubectl left this lock {_span(age)} ago"
    return Obstacle(reason, f"rm -f {_words(_lock(file))}")


def _damaged(file: Path) -> Obstacle | None:
    import yaml

    try:
        content = file.read_bytes() if file.exists() else b""
        wrong = _misshape(_load(content.decode()))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        wrong = " ".join(str(error).split())
    if not wrong:
        return None
    return Obstacle(f"{file}: damaged: {wrong}", f"mv {_words(file)} {_words(f'{file}.damaged')}, or mend it")


def _load(text: str) -> Any:
    """Read YAML as kind's library does: it accepts no duplicate keys."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def mapping(loader: Any, node: Any) -> Any:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if keys.count(key.value) > 1 and key.value != "<<"), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice.value} is there twice", twice.start_mark)
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader


def _misshape(document: Any) -> str:
    """Return why a document is not a kubeconfig, or an empty string; an empty document is a kubeconfig."""
    if document is None:
        return ""
    if not isinstance(document, dict):
        return f"a {type(document).__name__} instead of a kubeconfig"
    for name in _LISTS:
        entries = document.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return f"{name} is not a list of entries"
    return ""


def _not_writable(path: Path) -> Obstacle:
    """Return why an existing file or folder cannot be written to."""
    attribute = _attribute(path)
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return Obstacle(f"{path}: lies on a file system that is mounted read-only", _ELSEWHERE)
    if attribute:
        return Obstacle(
            f"{path}: is protected from changes (chattr +{attribute})", f"sudo chattr -{attribute} {_words(path)}"
        )
    return Obstacle(f"{path}: may not be written by this user", f"{_owner_command(path)} {_words(path)}")


def _owner_command(path: Path) -> str:
    return "chmod u+rwX" if path.stat().st_uid == os.geteuid() else 'sudo chown "$(id -u):$(id -g)"'


def _attribute(path: Path) -> str:
    """Return the letter of the attribute that protects a path even from root, or an empty string."""
    flags = 0
    with suppress(OSError):  # not every file system has attributes
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            flags = int.from_bytes(fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))[:4], "little")
        finally:
            os.close(descriptor)
    return next((letter for bit, letter in _ATTRIBUTES.items() if flags & bit), "")


def _lock(file: Path) -> Path:
    return file.with_name(f"{file.name}.lock")


def _lock_age(file: Path) -> float | None:
    """Return the age of a kubeconfig's lock in seconds, or None if it is not locked."""
    try:
        return time.time() - _lock(file).lstat().st_mtime
    except OSError:
        return None


def _span(seconds: float) -> str:
    days, minutes = divmod(seconds / 60, 24 * 60)
    return f"{days:.0f} days" if days else f"{minutes:.0f} minutes"


def _words(*parts: str | Path) -> str:
    return shlex.quote("/".join(map(str, parts)))

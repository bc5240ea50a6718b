"""The mounts that a killed embedded engine leaves, as distinct from other mounts at or below its folders."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.docker.embedded_home import Engine

_TABLE = Path("/proc/self/mountinfo")
# A folder that is mounted over itself, as dockerd does to set its mount propagation.
_ITSELF = "itself"
# What dockerd, BuildKit and containerd mount below the engine's home and run folders, with the file system's type.
_HOME = (
    ("data", _ITSELF),
    ("data/overlay2", _ITSELF),
    ("data/overlay2/*/merged", "overlay"),
    ("data/rootfs/*/*", "overlay"),
    ("data/buildkit/executor/*/rootfs", "overlay"),
    ("data/containers/*/mounts/*", "tmpfs"),
)
_RUN = (
    ("exec/netns/*", "nsfs"),
    ("exec/containerd/daemon/*/*/*/rootfs", "overlay"),
)


class Mount(NamedTuple):
    """A line of /proc/self/mountinfo, whose format proc(5) describes.

    Attributes:
        number: Its identifier.
        parent: The identifier of the mount on which it is mounted.
        device: The file system's device, `major:minor`.
        root: The folder of the file system that is mounted.
        point: Where it is mounted.
        kind: The type of the file system.
    """

    number: str
    parent: str
    device: str
    root: str
    point: str
    kind: str


def parse(line: bytes) -> Mount:
    """Return the mount that a line of /proc/self/mountinfo describes."""
    fields = line.split()
    number, parent, device, root, point = map(_unescaped, fields[:5])
    return Mount(number, parent, device, root, point, _unescaped(fields[fields.index(b"-", 6) + 1]))


def own(target: Engine, mounts: Sequence[Mount]) -> list[str]:
    """Return the mount points of the engine, in the order in which they can be unmounted.

    A mount that carries somebody else's mount is left out, since both would be unmounted.

    Args:
        target: The engine.
        mounts: All mounts of the machine, in the order of the kernel's table.
    """
    by_number = {mount.number: mount for mount in mounts}
    free: dict[str, bool] = {}
    for mount in sorted(mounts, key=lambda one: _depth(one, by_number), reverse=True):
        bears = (free[child.number] for child in mounts if child.parent == mount.number)
        free[mount.number] = all(bears) and _is_own(target, mount, by_number.get(mount.parent))
    return [by_number[number].point for number, is_free in free.items() if is_free]


def unmount(target: Engine) -> None:
    """Unmount what a killed engine left mounted.

    Raises:
        Problem: The run folder, which is about to be removed, contains somebody else's mount.
    """
    for point in own(target, _mounts()):
        # A container that ends at this moment takes its mounts with it: a mount that is gone is no error.
        shell.run(["umount", "--lazy", point], check=False)
    left = next((mount.point for mount in _mounts() if mount.point.startswith(f"{target.run}/")), "")
    if left:
        raise Problem(f"{left}: mounted there by somebody else", hint=f"sudo umount {left}, then the same command")


def _mounts() -> list[Mount]:
    return [parse(line) for line in _TABLE.read_bytes().splitlines()]


def _depth(mount: Mount, by_number: dict[str, Mount]) -> int:
    """Return how many mounts are beneath a mount."""
    depth, parent = 0, by_number.get(mount.parent)
    while parent is not None and parent.number != parent.parent:
        depth, parent = depth + 1, by_number.get(parent.parent)
    return depth


def _is_own(target: Engine, mount: Mount, parent: Mount | None) -> bool:
    kinds = {mount.kind, _ITSELF} if parent is not None and _covers_itself(mount, parent) else {mount.kind}
    return any(
        kind in kinds and _matches(mount.point, folder, place)
        for folder, table in ((target.home, _HOME), (target.run, _RUN))
        for place, kind in table
    )


def _covers_itself(mount: Mount, parent: Mount) -> bool:
    """Return whether a mount shows the same folder that it is mounted on."""
    below = PurePath(mount.point)
    if mount.device != parent.device or not below.is_relative_to(parent.point):
        return False
    return PurePath(mount.root) == PurePath(parent.root) / below.relative_to(parent.point)


def _matches(point: str, folder: Path, place: str) -> bool:
    path, pattern = PurePath(point), PurePath(place).parts
    if not path.is_relative_to(folder):
        return False
    parts = path.relative_to(folder).parts
    return len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern))


def _unescaped(field: bytes) -> str:
    r"""Return a field of the kernel's table, where a space is written `\040`."""
    octal = re.compile(rb"\\([0-7]{3})")
    return os.fsdecode(octal.sub(lambda match: bytes([int(match.group(1), 8)]), field))

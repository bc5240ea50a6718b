"""The NVIDIA driver that the host has loaded: its version, its folders, and whether it can be taken from the host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.host.facts import Host

_LOADED = "/proc/driver/nvidia/version"
_VERSION = re.compile(r"^NVRM version:.*\s{2}(\d[\d.]*)\s", re.MULTILINE)
_MAIN = "nvidia"
# Modules that are in use only while a program computes or shows something; a daemon of the driver uses others.
_USED = ("nvidia_uvm", "nvidia_drm")
# Device files that each program needs which computes.
_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm")
# Where distributions and NVIDIA's own installer put the driver, besides the folders that the host's linker is told.
_LIBRARIES = ("/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
_PROGRAMS = ("/usr/local/nvidia/bin", "/usr/bin", "/usr/local/bin", "/opt/bin")
_PROGRAM = "nvidia-smi"


@dataclass(frozen=True)
class Driver:
    """The driver that is loaded, as it can be shared.

    Attributes:
        version: Its version.
        libraries: The host's folder with its libraries.
        programs: The host's folder with its programs.
    """

    version: str
    libraries: str
    programs: str


def version(host: Host) -> str:
    """Return the version of the driver that is loaded, or an empty string."""
    found = _VERSION.search(host.text(_LOADED))
    return found[1] if found else ""


def bond(host: Host) -> str:
    """Return why the loaded driver cannot be taken from the host: in use, or impossible to unload; empty if it can be.

    Everybody may see this; who uses it, only root may see.
    """
    if is_fixed(host):
        return "the kernel cannot unload its modules (/proc/modules shows no use count)"
    rows = _modules(host) if version(host) else {}
    counts = {name: _uses(*rows[name]) for name in _USED if name in rows}
    used = [f"{name} is used {count} times" for name, count in counts.items() if count > 0]
    return f"the host uses it ({', '.join(used)})" if used else ""


def is_fixed(host: Host) -> bool:
    """Return whether the driver is loaded by a kernel that cannot unload modules, and so counts no uses."""
    count, _ = _modules(host).get(_MAIN, ("0", ""))
    return not count.isdecimal()


def driver(host: Host) -> Driver:
    """Return the loaded driver.

    Raises:
        Problem: None is loaded, or a part of it is not found.
    """
    loaded = version(host)
    if not loaded:
        raise Problem(
            "the host's NVIDIA driver is not loaded", hint="sudo modprobe --all nvidia nvidia_uvm; nvidia-smi"
        )
    missing = [device for device in _DEVICES if not host.path(device).exists()]
    if missing:
        raise Problem(f"the host has no {' and no '.join(missing)}", hint="sudo nvidia-modprobe --unified-memory")
    libraries = _holding(host, f"libcuda.so.{loaded}", (*_told(host), *_LIBRARIES))
    beside = f"{libraries.rpartition('/')[0]}/bin"
    return Driver(loaded, libraries, _holding(host, _PROGRAM, (beside, *_PROGRAMS)))


def _modules(host: Host) -> dict[str, tuple[str, str]]:
    """Return the use count of each loaded module and the modules that use it, as the kernel shows them."""
    rows = (line.split() for line in host.text("/proc/modules").splitlines())
    return {name: (count, users) for name, _, count, users, *_ in rows}


def _uses(count: str, users: str) -> int:
    """Return how often a module is used by programs: the kernel's count includes the modules that use it."""
    return int(count) - len([user for user in users.split(",") if user not in ("", "-")])


def _told(host: Host) -> Iterator[str]:
    """Yield the folders that the host's linker is told to look in."""
    for file in sorted(host.path("/etc/ld.so.conf.d").glob("*.conf")):
        lines = host.text(f"/etc/ld.so.conf.d/{file.name}").splitlines()
        yield from (line.strip().rstrip("/") for line in lines if line.strip().startswith("/"))


def _holding(host: Host, name: str, folders: tuple[str, ...]) -> str:
    """Return the first folder that holds a file itself: a link may lead out of a folder that is mounted elsewhere.

    Raises:
        Problem: None does.
    """
    for folder in folders:
        file = host.path(f"{folder}/{name}")
        if file.is_file() and not file.is_symlink():
            return folder
    raise Problem(
        f"{name} of the host's NVIDIA driver is in none of {', '.join(dict.fromkeys(folders))}", hint="GPU=no"
    )

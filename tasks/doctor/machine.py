"""The machine itself: processors, memory, disk, kernel, and the Docker engine on it."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.doctor.finding import Finding, judged
from tasks.engines.docker import client, connection, context, images
from tasks.engines.kube import cluster_owner, kubectl
from tasks.problems import Problem
from tasks.settings import credentials
from tasks.settings.checks import FAILED, INOTIFY, OK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.settings.parameters.model import Parameters


_GB = 10**9
# What a run needs temporarily, beyond what it keeps: the largest image is unpacked once more during its export.
_FREE_GB = 15
_DOCKER_DATA = Path("/var/lib/docker")
_RELEASES = {"ubuntu": (22, 4), "debian": (12,)}
# The kernel of Ubuntu 22.04, and the build of it that the manual was tried with.
_KERNEL = (5, 15)
_UBUNTU_KERNEL = re.compile(r"5\.15\.0-(?P<build>\d+)-(?P<flavour>\w+)")
_UBUNTU_BUILD = 122
# The first release whose client builds with BuildKit by itself.
_DOCKER = (20, 10)
# For three systemd nodes with their runtime, kubelet and pods.
_INOTIFY_HEADROOM = 128
_INSTANCES = "max_user_instances"


def _cores(host: Server, p: Parameters) -> Finding:
    return judged(host.cores >= p.min_cores, f"{host.cores}", f"{p.min_cores} (MIN_CORES)")


def _memory(host: Server, p: Parameters) -> Finding:
    found = host.memory / _GB
    return judged(found >= p.min_memory_gb, f"{found:.1f} GB", f"{p.min_memory_gb} GB (MIN_MEMORY_GB)")


def _disk(host: Server, p: Parameters) -> Finding:
    free, total, place = min((*host.disk(place), place) for place in (p.cache_dir, *_docker_folders(host)))
    good = total >= p.min_disk_gb * _GB and free >= _FREE_GB * _GB
    return judged(
        good,
        f"{total / _GB:.0f} GB, {free / _GB:.0f} GB free at {place}",
        f"{p.min_disk_gb} GB (MIN_DISK_GB), {_FREE_GB} GB free",
        "" if good else _prune(host),
    )


def _docker_folders(host: Server) -> list[Path]:
    """Return where the engine in use keeps its images, or the default if no engine answers."""
    try:
        return connection.data_folders(host.engine)
    except Problem:
        return [_DOCKER_DATA]


def _prune(host: Server) -> str:
    """Return the command that deletes unused data of the engine in use; empty if no engine answers."""
    try:
        host.require_engine()
        return f"DOCKER_HOST={client.socket()} docker system prune, or use a larger disk"
    except Problem:
        return ""


def _system(host: Server, _: Parameters) -> Finding:
    name, version = host.release.get("ID", ""), host.release.get("VERSION_ID", "")
    least = _RELEASES.get(name)
    found = host.release.get("PRETTY_NAME", "unknown")
    return judged(least is not None and _numbers(version) >= least, found, "Ubuntu 22.04 or Debian 12, or newer")


def _kernel(host: Server, _: Parameters) -> Finding:
    ubuntu = _UBUNTU_KERNEL.match(host.kernel) if host.release.get("ID") == "ubuntu" else None
    if ubuntu:
        good = int(ubuntu["build"]) >= _UBUNTU_BUILD
        cure = f"sudo apt-get update && sudo apt-get install linux-{ubuntu['flavour']}, then reboot"
        return judged(good, host.kernel, f"{_dotted(_KERNEL)}.0-{_UBUNTU_BUILD} or newer", cure)
    return judged(_numbers(host.kernel) >= _KERNEL, host.kernel, f"{_dotted(_KERNEL)} or newer")


def _swap(host: Server, _: Parameters) -> Finding:
    return judged(not host.swaps, ", ".join(host.swaps) or "off", "off")


def _inotify(host: Server, _: Parameters) -> Finding:
    limits = {name: host.number(f"/proc/sys/fs/inotify/{name}") or 0 for name in INOTIFY}
    # A run as root raises low limits itself.
    usable = {name: max(limits[name], least if host.user == 0 else 0) for name, least in INOTIFY.items()}
    used = host.inotify_instances
    least = {**INOTIFY, _INSTANCES: max(INOTIFY[_INSTANCES], used + _INOTIFY_HEADROOM)}
    low = {name: value for name, value in least.items() if usable[name] < value}
    found = f"{limits['max_user_watches']} watches, {limits[_INSTANCES]} instances, {used} of them in use"
    needed = f"{least['max_user_watches']} watches, {least[_INSTANCES]} instances"
    return judged(not low, found, needed, "sudo sysctl " + " ".join(f"fs.inotify.{name}={low[name]}" for name in low))


def _docker(host: Server, p: Parameters) -> Finding:
    needed = f"{_dotted(_DOCKER)} or newer"
    try:
        _require_credentials_programs(p)
        version = str(host.engine.version().get("Version") or "")
    except Problem as problem:
        silent = isinstance(problem, connection.NoEngine)
        own = silent and p.docker != "host" and host.user == 0 and not context.is_forced()
        if own:
            return Finding(OK, "none answers; this tool starts its own", needed)
        return Finding(FAILED, problem.message, needed, problem.hint)
    if not _numbers(version):
        return Finding(UNKNOWN, f"the engine calls its version {version!r}", needed)
    return judged(_numbers(version) >= _DOCKER, version, needed)


def _require_credentials_programs(p: Parameters) -> None:
    """Stop if a program that Docker will ask for credentials is not installed."""
    if p.base_from == "registry":
        context.require_credentials_program(images.registry_of(p.ubuntu_image_name))
    if p.registry == "harbor" and credentials.current() is None:
        context.require_credentials_program(images.registry_of(p.dci_registry_addr_alt))


def _docker_access(host: Server, _: Parameters) -> Finding:
    url = host.docker_host
    needed = "root, or a member of the group docker"
    file = url.removeprefix("unix://")
    if host.user == 0 or not url.startswith("unix://"):
        return Finding(OK, "root" if host.user == 0 else url, needed)
    if not host.path(file).exists():
        return Finding(UNKNOWN, f"{url} is not there", needed)
    return judged(host.has_access(file), f"{host.path(file)} as user {host.user}", needed)


def _cluster_owner(host: Server, p: Parameters) -> Finding:
    needed = f"cluster {p.cluster_name} not there, or of this checkout"
    try:
        host.require_engine()
        found = cluster_owner.objection(p.cluster_name)
    except Problem as problem:
        return Finding(UNKNOWN, problem.message, needed)
    return Finding(FAILED, found.message, needed, found.hint) if found else Finding(OK, "free or ours", needed)


def _kubectl(host: Server, p: Parameters) -> Finding:
    """Say where kubectl is; none has to be on PATH, since the tool gets its own."""
    needed = "one that can be had; ./doit kubectl runs it"
    on_path = "one on PATH" if host.has(kubectl.NAME) else "none on PATH"
    own = kubectl.kept(p)
    if own or p.kubernetes_from != "release" or host.has(kubectl.NAME):
        return Finding(OK, f"{on_path}; {own or 'the first ./doit kubectl gets one'}", needed)
    url = kubectl.published(p)
    offered = host.get(url).status == HTTPStatus.OK
    return judged(offered, f"{on_path}; {'' if offered else 'not '}offered at {url}", needed, f"curl -fL {url}")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `22.04.5` is (22, 4, 5), `6.8.0-45-generic` is (6, 8, 0)."""
    digits = version.partition("-")[0].partition("+")[0].split(".")
    return tuple(int(part) for part in digits if part.isdecimal())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


LOOKS: Mapping[str, Look] = {
    "cores": _cores,
    "memory": _memory,
    "disk": _disk,
    "system": _system,
    "kernel": _kernel,
    "swap": _swap,
    "inotify": _inotify,
    "docker": _docker,
    "docker-access": _docker_access,
    "cluster-owner": _cluster_owner,
    "kubectl": _kubectl,
}

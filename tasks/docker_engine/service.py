"""Ensures a Docker engine that answers: the machine's own or, if the parameters allow it, an embedded one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import client, connection, context, embedded
from tasks.engines.host import apt
from tasks.problems import Problem
from tasks.settings import parameters
from tasks.settings.checks import INOTIFY

if TYPE_CHECKING:
    from tasks.lack import Lack

# The programs of the embedded engine: program -> distribution package.
_PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
# docker.io contains both in Debian 12; later distributions have separate packages for them.
_CLIENT = {"docker": "docker-cli"}
_BUILDER = {"docker-buildx": "docker-buildx"}


def lack() -> Lack:
    """Return that no engine answers, or which of the kernel's limits are too low."""
    docker = parameters.current().docker
    try:
        client.client()
    except connection.NoEngine as silence:
        return _lack_of_engine() if _may_start(docker) else lacks.obstacle(silence.message)
    low = ", ".join(f"fs.inotify.{path.name}" for path in _low_limits())
    return lacks.unless(not low, f"{low}: too low")


def ensure() -> None:
    """Ensure a Docker engine that answers, and enough file watches for the nodes.

    Raises:
        Problem: None answers, and none may or can be started.
    """
    ensure_one(parameters.current().docker)


def ensure_one(docker: str) -> None:
    """Ensure a Docker engine that answers, and enough file watches for the nodes.

    Args:
        docker: Which engine is allowed: the value of the parameter DOCKER.

    Raises:
        Problem: As `ensure`.
    """
    if not _answers():
        _start_embedded(docker)
    _have_builder()
    _raise_limits()


def install() -> None:
    """Install the distribution's packages that an embedded engine and builds with it need.

    Raises:
        Problem: Something is missing and cannot be installed here.
    """
    apt.install(_PACKAGES)
    _have_builder()


def stop() -> None:
    """Stop the embedded engine, if it runs. Its images stay in CACHE_DIR."""
    if embedded.stop(client.embedded()):
        client.forget()
        progress.line("Stopped the embedded Docker engine.")


def _answers() -> bool:
    try:
        client.client()
    except connection.NoEngine:
        return False
    return True


def _may_start(docker: str) -> bool:
    """Return whether an embedded engine may be started where none answers."""
    return docker != "host" and not context.is_forced() and os.geteuid() == 0


def _lack_of_engine() -> Lack:
    """Return that an embedded engine is to be started; a new one has nothing of what a run needs."""
    said = "no Docker engine answers: an embedded one is started"
    return lacks.remade(said) if client.is_new() else lacks.of(said)


def _start_embedded(docker: str) -> None:
    if not _may_start(docker):
        client.client()  # raises a Problem that says what to install
    install()
    # Installing the package starts the machine's own engine if there is an init system.
    if _answers():
        return
    target = client.embedded()
    progress.line(f"No Docker engine answers: starting an embedded one at {target.url}")
    embedded.start(target, lambda: client.answers(target.url))
    client.forget()


def _have_builder() -> None:
    """Ensure a docker command that builds with BuildKit."""
    apt.install(_CLIENT)
    try:
        client.cli()
    except Problem:
        apt.install(_BUILDER)
        client.cli()


def _low_limits() -> dict[Path, int]:
    """Return the inotify limits of this kernel that are too low, with the values they need."""
    limits = {Path("/proc/sys/fs/inotify", name): value for name, value in INOTIFY.items()}
    return {path: value for path, value in limits.items() if int(path.read_text(encoding="ascii")) < value}


def _raise_limits() -> None:
    low = _low_limits()
    settings = [f"fs.inotify.{path.name}={value}" for path, value in low.items()]
    if not low:
        return
    if os.geteuid() != 0:
        raise Problem(
            "the kernel's inotify limits are too low for three nodes", hint=f"sudo sysctl {' '.join(settings)}"
        )
    for path, value in low.items():
        path.write_text(str(value), encoding="ascii")
    progress.line(f"Raised the kernel's limits: {' '.join(settings)}")

"""What node images take of this machine: facts of it, and the driver's installer that the user put here."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tasks.engines.files import digests
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.host.facts import Host
    from tasks.settings.parameters.model import Parameters


def host() -> Host:
    """Return this machine."""
    from tasks.engines.host import facts

    return facts.Host()


# Build argument -> what says it.
FACTS = {"KERNEL_RELEASE": lambda: host().kernel}


def driver(current: Parameters) -> Path:
    """Return where the installer of the NVIDIA driver is looked for."""
    return paths.DRIVER / current.nvidia_driver_file


def require_driver(current: Parameters) -> None:
    """Refuse to start a build without the installer that is wanted.

    Raises:
        Problem: It is not there, or is another one than NVIDIA_DRIVER_SHA256 says.
    """
    file, wanted = driver(current), current.nvidia_driver_sha256
    if not file.is_file():
        raise Problem(
            f"NVIDIA_DRIVER_FILE: driver/nvidia/{file.name} is not there",
            hint=f"cp {shlex.quote(file.name)} driver/nvidia/",
        )
    found = digests.sha256(file, current.cache_dir)
    if wanted and found != wanted:
        raise Problem(f"NVIDIA_DRIVER_SHA256: driver/nvidia/{file.name} has {found}, not {wanted}")

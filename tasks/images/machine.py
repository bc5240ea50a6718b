"""What node images take from this machine: facts about it, and the driver's installer that the user put here."""

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


# Build argument -> function that returns its value.
FACTS = {"KERNEL_RELEASE": lambda: host().kernel}


def driver(current: Parameters) -> Path:
    """Return the path at which the installer of the NVIDIA driver is expected."""
    return paths.DRIVER / current.nvidia_driver_file


def require_driver(current: Parameters) -> None:
    """Stop if the driver's installer is missing or is not the expected one.

    Raises:
        Problem: It is missing, or its SHA-256 is not NVIDIA_DRIVER_SHA256.
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

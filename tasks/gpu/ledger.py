"""The ledger of a lent GPU: the state of the host's driver before the first change, and the node that has the GPU.

Each cluster has one file. Anybody may read it; root writes it before anything is changed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.files import ledgers
from tasks.engines.host.kernel_modules import Module
from tasks.engines.programs import root
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1


@dataclass(frozen=True)
class Ledger:
    """What the host had, and which node has the GPU.

    Attributes:
        cluster: Name of the cluster.
        boot: The kernel's identifier of the boot in which it was lent.
        container: Identifier of the node's container that has the GPU; empty while the GPU is on its way.
        devices: PCI addresses of the GPUs.
        modules: Modules of the host's driver, in the order in which they were unloaded.
        services: Services of the host that ran, in the order in which they were stopped.
        checkout: Folder of the checkout that lends it.
        helpers: Modules of the host that were loaded for the node's driver, in the order of loading.
    """

    cluster: str
    boot: str
    container: str
    devices: tuple[str, ...]
    modules: tuple[Module, ...]
    services: tuple[str, ...]
    checkout: str = ""
    helpers: tuple[str, ...] = ()


def path(cluster: str) -> Path:
    """Return the file of a cluster's ledger."""
    return gpu.LEDGERS / f"{cluster}.json"


def load(cluster: str) -> Ledger | None:
    """Return a cluster's ledger, or None if it has not borrowed the GPU.

    Raises:
        Problem: The file cannot be understood.
    """
    file = path(cluster)
    return ledgers.read(file, VERSION, _parse, hint=f"reboot, which gives the GPU back; then sudo rm {file}")


def load_current(cluster: str, boot: str) -> Ledger | None:
    """Return a cluster's ledger of a boot, or None; a reboot by itself gives back what was lent before.

    Args:
        cluster: Name of the cluster.
        boot: The kernel's identifier of the boot.

    Raises:
        Problem: The file cannot be understood.
    """
    ledger = load(cluster)
    return ledger if ledger and ledger.boot == boot else None


def others(cluster: str) -> Iterator[Ledger]:
    """Yield the ledgers of the other clusters of this machine."""
    for name in ledgers.clusters(gpu.LEDGERS):
        ledger = load(name) if name != cluster else None
        if ledger:
            yield ledger


def save(ledger: Ledger) -> None:
    """Write a ledger; it is on the disk when this returns."""
    root.write(path(ledger.cluster), json.dumps({"version": VERSION, **asdict(ledger)}, indent=2))


def drop(cluster: str) -> None:
    """Remove a cluster's ledger."""
    root.run("rm", "-f", path(cluster))


def _parse(data: dict[str, Any]) -> Ledger:
    return Ledger(
        cluster=data["cluster"],
        boot=data["boot"],
        container=data["container"],
        devices=tuple(data["devices"]),
        modules=tuple(Module(**module) for module in data["modules"]),
        services=tuple(data["services"]),
        checkout=data.get("checkout", ""),
        helpers=tuple(data.get("helpers", ())),
    )

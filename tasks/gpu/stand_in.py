"""The GPU that EMULATE stands in for: a device in the inventory of the first worker, with nothing behind it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tasks.gpu import handover
from tasks.settings import emulation, gpu

if TYPE_CHECKING:
    from tasks.engines.host.facts import Host
    from tasks.settings.parameters.model import Parameters

# What is said wherever a GPU is asked for.
STOOD_IN = "a GPU is stood in for (EMULATE)"
_DRIVEN = "/proc/driver/nvidia/gpus"


def is_chosen(chosen: Parameters) -> bool:
    """Return whether a GPU is stood in for.

    Args:
        chosen: The parameters of the run.
    """
    return emulation.GPU in chosen.emulate


def node(chosen: Parameters) -> str:
    """Return the worker that is said to have the GPU."""
    return handover.node(chosen.cluster_name)


def identifier(chosen: Parameters) -> str:
    """Return the UUID of the GPU, which is always the same for a cluster's name."""
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, chosen.cluster_name)}"


def objection(chosen: Parameters, host: Host | None = None) -> str:
    """Return why no GPU is stood in for here although EMULATE asks for one; empty if there is no reason.

    Args:
        chosen: The parameters of the run.
        host: The machine whose GPUs count; None for this one.
    """
    if not is_chosen(chosen):
        return ""
    found = of_machine(host or _this_machine())
    return f"this machine has an NVIDIA GPU ({', '.join(found)})" if found else ""


def of_machine(host: Host) -> list[str]:
    """Return the addresses of a machine's own GPUs, also in a container that shows no PCI devices.

    Args:
        host: The machine.
    """
    driven = host.path(_DRIVEN)
    return host.devices(gpu.NVIDIA, gpu.DISPLAY) or sorted(entry.name for entry in driven.glob("*"))


def _this_machine() -> Host:
    from tasks.engines.host import facts

    return facts.Host()

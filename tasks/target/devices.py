"""What the workers of a cluster have, whatever cluster it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What nvidia-smi is asked; `parsed_gpus` reads its answer.
GPU_QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader")
# A row of its list; warnings are on the same output, before and after the list.
_GPU_ROW = re.compile(r"^(\d+), (GPU-[\w-]+), (\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver names it."""

    index: int
    uuid: str
    model: str


@dataclass(frozen=True)
class Worker:
    """A worker and its devices.

    Attributes:
        name: Name of the node.
        cpu: Model of its CPU; empty if the kernel does not name it.
        sockets: CPU sockets.
        gpus: GPUs that its driver sees, or that are stood in for.
    """

    name: str
    cpu: str
    sockets: int
    gpus: tuple[Gpu, ...] = ()


def cpu_model(cpuinfo: str) -> str:
    """Return the model of the CPU, as the kernel names it.

    Args:
        cpuinfo: Text of /proc/cpuinfo.
    """
    found = re.search(r"^model name\s*:\s*(.*\S)", cpuinfo, re.MULTILINE)
    return found[1] if found else ""


def sockets(cpuinfo: str) -> int:
    """Return the number of CPU sockets, at least 1: a virtual machine may not report any.

    Args:
        cpuinfo: Text of /proc/cpuinfo.
    """
    return max(1, len(set(re.findall(r"^physical id\s*:\s*(\d+)", cpuinfo, re.MULTILINE))))


def parsed_gpus(answer: str) -> tuple[Gpu, ...]:
    """Return the GPUs that nvidia-smi lists as index, uuid and name."""
    return tuple(Gpu(int(index), uuid, model) for index, uuid, model in _GPU_ROW.findall(answer))

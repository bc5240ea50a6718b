"""What the pods of a pattern's functions expect of a GPU and its node, as the pattern's files have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.archive import facts
from tasks.settings import gpu_offer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.patterns.function_data import Entry
    from tasks.patterns.model import Pattern


@dataclass(frozen=True)
class GpuPod:
    """The pods of a function on a GPU.

    Attributes:
        key: Key of the function.
        mps: The folder in which they look for an MPS daemon; empty if the files name none.
        is_counted: Whether they ask the scheduler for a GPU.
    """

    key: str
    mps: str
    is_counted: bool


def of(pattern: Pattern) -> list[GpuPod]:
    """Return the pods of a pattern's functions on GPUs; nothing of those whose configuration is not there.

    Args:
        pattern: The pattern.
    """
    if not pattern.on_gpu:
        return []
    entries = [*_entries(pattern)]
    found = {
        hop.key: [entry for entry in entries if hop.image in map(facts.image_name, entry.images)]
        for hop in pattern.hops
        if hop.is_on_gpu
    }
    return [GpuPod(key, _mps(pods), all(map(_asks, pods))) for key, pods in found.items() if pods]


def _entries(pattern: Pattern) -> Iterator[Entry]:
    # They are heavy, and needed only for patterns with GPUs.
    from tasks.patterns import function_data, review
    from tasks.patterns.found import CONFIGURATION
    from tasks.patterns.objects import CONFIG_MAP

    for item in review.items(pattern):
        if item.kind == CONFIG_MAP and item.namespace == CONFIGURATION:
            for field in item.form.data:
                yield from function_data.parsed(item, field, function_data.Entry)[0]


def _mps(pods: list[Entry]) -> str:
    return next((folder for pod in pods if (folder := pod.variable(gpu_offer.MPS_VARIABLE))), "")


def _asks(pod: Entry) -> bool:
    return pod.asks_for(gpu_offer.RESOURCE)

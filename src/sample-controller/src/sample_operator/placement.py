"""Chooses where the functions of a chain run. All functions here are pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

from .names import END_OF_CHAIN, READY, START_OF_CHAIN

Connection = dict[str, Any]


class NoPlaceError(Exception):
    """A function fits on no target."""


@dataclass(frozen=True)
class Target:
    """A region of a node that takes functions."""

    node: str
    device_type: str
    device_index: int
    region: str
    region_type: str
    free_functions: int
    free_capacity: int

    @property
    def place(self) -> tuple[str, str, int, str]:
        """The identity of the region."""
        return self.node, self.device_type, self.device_index, self.region

    def minus(self, functions: int, capacity: int) -> Target:
        """Return the same region with that much less free."""
        return replace(
            self, free_functions=self.free_functions - functions, free_capacity=self.free_capacity - capacity
        )


def usable_targets(statuses: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Return the targets that take functions, from the status of the FunctionTargets."""
    return [
        Target(
            node=status["nodeName"],
            device_type=status["deviceType"],
            device_index=status["deviceIndex"],
            region=status["regionName"],
            region_type=status["regionType"],
            free_functions=status.get("maxFunctions", 0) - status.get("currentFunctions", 0),
            free_capacity=status.get("maxCapacity", 0) - status.get("currentCapacity", 0),
        )
        for status in statuses
        if status.get("status") == READY and status.get("available")
    ]


def keys_in_order(connections: Sequence[Connection]) -> list[str]:
    """Return the function keys of a chain from its start, breadth first if it branches."""
    order: list[str] = []
    wave = [START_OF_CHAIN]
    while wave:
        wave = [
            each["to"]["functionKey"]
            for each in connections
            if each["from"]["functionKey"] in wave and each["to"]["functionKey"] not in order
        ]
        order += [key for key in dict.fromkeys(wave) if key != END_OF_CHAIN]
    return order


@dataclass(frozen=True)
class Wanted:
    """A function that needs a place: the region types it can run in, and the nodes that the user allows, if any."""

    key: str
    region_types: set[str]
    nodes: Sequence[str] | None = None

    def fits(self, target: Target, capacity: int) -> bool:
        """Return whether a target takes the function with this capacity."""
        return (
            target.region_type in self.region_types
            and (self.nodes is None or target.node in self.nodes)
            and target.free_functions >= 1
            and target.free_capacity >= capacity
        )


def place(functions: Iterable[Wanted], targets: Sequence[Target], capacity: int) -> dict[str, Target]:
    """Choose a target for every function: its predecessor's if it fits there, else the freest, on the same node first.

    Args:
        functions: the functions from the start of the chain.
        targets: the available targets.
        capacity: what each function takes.

    Returns:
        The target of each key.

    Raises:
        NoPlaceError: a function fits nowhere; the message names it.
    """
    free = {target.place: target for target in targets}
    chosen: dict[str, Target] = {}
    last: Target | None = None
    for function in functions:
        fits = [target for target in free.values() if function.fits(target, capacity)]
        if not fits:
            where = f" on {', '.join(function.nodes)}" if function.nodes else ""
            raise NoPlaceError(
                f"{function.key}: no target{where} has capacity {capacity} in {sorted(function.region_types)}"
            )
        beside = [target for target in fits if last and target.place == last.place]
        near = [target for target in fits if last and target.node == last.node]
        best = min(beside or near or fits, key=lambda target: (-target.free_capacity, target.place))
        chosen[function.key] = last = best
        free[best.place] = best.minus(1, capacity)
    return chosen

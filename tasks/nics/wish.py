"""What the parameters request for each worker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from tasks.settings import nics as settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.settings.nics import Row
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class Wish:
    """What the parameters request for one worker.

    Attributes:
        row: The worker.
        cluster: Name of the cluster.
        interface: Name of the physical function.
        pattern: Expression that its virtual functions' names match.
        address: Address of the physical function inside the node, with its prefix.
        num_vfs: How many virtual functions it should have.
    """

    row: Row
    cluster: str
    interface: str
    pattern: str
    address: str
    num_vfs: int

    @property
    def node(self) -> str:
        """The node's name."""
        return self.row.node(self.cluster)

    @property
    def ip(self) -> IPv4Address:
        """The address of the physical function, without its prefix."""
        return IPv4Interface(self.address).ip

    def parameter(self, role: str) -> str:
        """Return the name of the parameter that sets its `interface`, `pattern` or `address`."""
        return str(getattr(self.row, role))


def matches(pattern: str, names: Iterable[str]) -> bool:
    """Return whether an expression matches an interface, by any of its names."""
    return any(re.fullmatch(pattern, name) for name in names)


def wishes(values: Parameters) -> dict[str, Wish]:
    """Return what the parameters request, by the worker's task."""

    def wish(row: Row) -> Wish:
        interface, pattern, address = (
            getattr(values, name.lower()) for name in (row.interface, row.pattern, row.address)
        )
        text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        return Wish(row, values.cluster_name, interface, text, str(address), values.sriov_num_vfs)

    return {row.task: wish(row) for row in settings.WORKERS}


def node_processes(cluster: str) -> dict[str, int]:
    """Return the main process of each worker's running container, by the node's name.

    Raises:
        Problem: No engine answers, or a node is not on this machine.
    """
    from tasks.engines.docker import local_containers

    found = {node: local_containers.main_process(node) for node in (row.node(cluster) for row in settings.WORKERS)}
    return {node: process for node, process in found.items() if process}

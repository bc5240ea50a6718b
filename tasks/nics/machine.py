"""This machine, as far as lending needs it: one value that is passed down, so that a test can pass another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.engines.host import namespaces
from tasks.nics import pods
from tasks.settings import nics as settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tasks.engines.host.namespaces import Link, Namespace, World


@dataclass(frozen=True)
class Machine:
    """The host with the nodes that run on it.

    Attributes:
        processes: A process of each node, by the node's name.
        rules: Folder of the udev rules in force.
        cluster: Name of the cluster whose pods are queried; if empty, there is none.
    """

    processes: Mapping[str, int] = field(default_factory=dict)
    rules: Path = settings.UDEV_RULES
    cluster: str = ""

    def survey(self, *, everywhere: bool = False) -> World:
        """Look into the host's namespace and the nodes', or into every one.

        Args:
            everywhere: Look into every namespace of the machine.
        """
        return namespaces.survey(self.processes, everywhere=everywhere)

    def own_namespace(self) -> Namespace:
        """Return the host's namespace, without looking into it."""
        return namespaces.own_namespace()

    def change(self, world: World, steps: Sequence[Mapping[str, Any]]) -> None:
        """Carry out steps in the namespaces of a survey.

        Raises:
            Problem: One failed; the ones before it are done.
        """
        namespaces.change(world, steps)

    def settle(self) -> None:
        """Wait until udev has named and configured the devices that appeared."""
        namespaces.settle()

    def routes(self) -> tuple[Mapping[str, Any], ...]:
        """Return all routes of the host."""
        return namespaces.routes()

    def lifelines(self) -> Mapping[str, str]:
        """Return the host's interfaces that must never be touched, each with the reason."""
        return namespaces.lifelines()

    def pods(self) -> Mapping[str, str]:
        """Return `namespace/name` of each pod by its UID; nothing if no cluster answers."""
        return pods.names(self.cluster)

    def holder(self, link: Link) -> str:
        """Return `namespace/name` of the pod that has a virtual function, or an empty string.

        Raises:
            Problem: No cluster answers.
        """
        return pods.holder(link, self.cluster)

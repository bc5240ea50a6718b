"""What the rest of the tool needs of a cluster, and kinds of clusters answer differently.

`kind_cluster` and `existing` implement it, `choice` chooses one; nothing else asks which of them it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.engines.kube.api import Kube
    from tasks.target.devices import Worker


class Target(Protocol):
    """The cluster that the dataflows run on."""

    @property
    def title(self) -> str:
        """How messages call it."""

    @property
    def api(self) -> Kube:
        """Its API.

        Raises:
            Problem: There is no such cluster yet, or it is not attached.
        """

    @property
    def steps(self) -> tuple[str, ...]:
        """The tasks after which its nodes can run pods."""

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices.

        Args:
            names: Names of the workers.

        Raises:
            Problem: A node does not answer.
        """

"""Chooses the target that the parameters name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import target
from tasks.target.existing import ExistingCluster
from tasks.target.kind_cluster import KindCluster

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters
    from tasks.target.interface import Target

_TARGETS: dict[str, type[KindCluster | ExistingCluster]] = {
    target.KIND: KindCluster,
    target.EXISTING: ExistingCluster,
}


def of(chosen: Parameters) -> Target:
    """Return the cluster that the dataflows run on.

    Args:
        chosen: The parameters of the run.
    """
    return _TARGETS[chosen.target](chosen)

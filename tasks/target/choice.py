"""Chooses the target that the parameters name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.settings import parameters, target
from tasks.target.kind_cluster import KindCluster

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters
    from tasks.target.interface import Target


def of(chosen: Parameters) -> Target:
    """Return the cluster that the dataflows run on.

    Args:
        chosen: The parameters of the run.
    """
    if chosen.target == target.EXISTING:
        # Most of this flat is for these clusters only, and need not be read for others.
        from tasks.target.existing import ExistingCluster

        return ExistingCluster(chosen)
    return KindCluster(chosen)


def stage(name: str) -> dict[str, Any]:
    """Return the tasks of a part of the graph on the cluster that the parameters name, as doit's dependencies.

    Args:
        name: One of settings.stages.
    """
    return {"task_dep": [*of(parameters.current()).stages[name]]}

"""The kind cluster, from nodes to the controller, and back to nothing.

_doctor, kind_config, _kind_program, images > _kind > node:<step>, addon:<pod network> > _ready > _registry_hosting
_target:ready, _target:registry, controller > create_cluster       (on kind, these are _ready and _registry_hosting)
create_cluster, post_setup, send_video_tool, scenario_files > create_cluster_without_scenario
create_cluster_without_scenario, prepare_scenario > create_cluster_with_all
delete_cluster  clean  status
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.files import lock
from tasks.gpu.graph import RETURN as GPU_RETURN
from tasks.nics.graph import RETURN as NICS_RETURN
from tasks.problems import Problem
from tasks.runner import rights
from tasks.runner.declare import Current, Do, Root, Same
from tasks.runner.later import later
from tasks.runner.meta import (
    DISRUPTS,
    EVERY,
    LOOKS_ONLY,
    MEANS,
    NOTHING,
    REMAKES_ALL,
    ROOT,
    SEEN_UNLESS_REMADE,
    UNSETTLES,
)
from tasks.runner.reporter import QUERY
from tasks.runner.screen import Lines
from tasks.settings import paths
from tasks.settings.addons import ADDONS
from tasks.settings.node_steps import NODE_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.cluster import config, creation, node_steps, readiness, registry_hosting, removal, status
else:
    config = later("tasks.cluster.config")
    creation = later("tasks.cluster.creation")
    node_steps = later("tasks.cluster.node_steps")
    readiness = later("tasks.cluster.readiness")
    registry_hosting = later("tasks.cluster.registry_hosting")
    removal = later("tasks.cluster.removal")
    status = later("tasks.cluster.status")

# What only looks comes first: the machine, and versions that another run may not have asked for.
_LOOKS = ("_doctor:emulation", "_doctor:create_cluster", "_doctor:versions")
# What is not lent, and which patterns cannot run, is said before anything is touched too.
_FIRST = (*_LOOKS, "_loans", "_runnable")


# What deleting the cluster needs root for, and cleaning.
_RETURNS = (NICS_RETURN, GPU_RETURN)
_REMOVALS = (*_RETURNS, Root("removing Docker's trust in the registry", Current(removal.lack_of_distrust)))


def task_kind_config() -> dict[str, Any]:
    """Render the config of the kind cluster."""
    return {
        "actions": [Do(config.write)],
        "task_dep": ["_runtime_image"],
        "uptodate": [Current(config.lack)],
        # The tasks that follow check for themselves what it wrote.
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task__kind_program() -> dict[str, Any]:
    """Compile kind, if nodes are to be made, while their images are built."""
    return {
        "actions": [Do(creation.make_program)],
        "task_dep": [*_LOOKS, "engine"],
        "uptodate": [Current(creation.lack_of_program)],
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task__before_nodes() -> dict[str, Any]:
    """Choose whether the registry has to be usable before there are nodes."""
    return {
        "actions": [Do(registry_hosting.before_nodes)],
        "uptodate": [Same(registry_hosting.before_nodes)],
        "meta": LOOKS_ONLY,
    }


def task__kind() -> dict[str, Any]:
    """Create or start the nodes of the cluster."""
    return {
        "actions": [Do(creation.create)],
        "task_dep": ["engine", "images", "kind_config", "_kind_program"],
        "calc_dep": ["_before_nodes"],
        "uptodate": [Current(creation.lack)],
        # A new cluster has nothing of what was in the previous one; in a node that is started, pods start too.
        "meta": {MEANS: REMAKES_ALL, UNSETTLES: True},
    }


def task_node() -> Iterator[dict[str, Any]]:
    """Prepare the nodes of the cluster (`node:<step>`)."""
    yield {"name": None, "doc": "Prepare the nodes of the cluster (`node:<step>`)."}
    for step in NODE_STEPS:
        yield {
            "name": step.name,
            "doc": step.doc,
            "actions": [Do(node_steps.apply, step.name)],
            "task_dep": ["_kind", *step.needs],
            "uptodate": [Current(node_steps.lack, step.name)],
            "meta": {DISRUPTS: step.disrupts, **SEEN_UNLESS_REMADE},
        }


def task__ready() -> dict[str, Any]:
    """Wait until the nodes are Ready and the cluster's DNS answers."""
    return {
        "actions": [Do(readiness.await_ready)],
        "task_dep": ["_kind", "node", *(f"addon:{addon.name}" for addon in ADDONS if addon.is_pod_network)],
        "uptodate": [Current(readiness.lack)],
        "meta": {MEANS: REMAKES_ALL},
    }


def task__registry_hosting() -> dict[str, Any]:
    """Tell other tools where the embedded registry is, if the cluster uses that."""
    return {
        "actions": [Do(registry_hosting.announce)],
        "task_dep": ["_ready", "registry"],
        "uptodate": [Current(registry_hosting.lack)],
        "meta": {MEANS: {EVERY: NOTHING}},
    }


def task_create_cluster() -> dict[str, Any]:
    """Create the cluster with the OpenKasugai controller."""
    stages = ["_target:ready", "_target:registry", "controller"]
    return {"actions": None, "task_dep": [*_LOOKS, "_published_images", *stages]}


def task_create_cluster_without_scenario() -> dict[str, Any]:
    """Create the cluster with controller, add-ons, cards and GPU, and all that scenarios need."""
    last = ["create_cluster", "post_setup", "send_video_tool", "scenario_files"]
    return {"actions": None, "task_dep": [*_FIRST, *last], "calc_dep": ["_early_lease"]}


def task_create_cluster_with_all() -> dict[str, Any]:
    """Create the cluster with the OpenKasugai controller, add-ons, cards and GPU, and the scenarios."""
    return {"actions": None, "task_dep": [*_FIRST, "create_cluster_without_scenario", "prepare_scenario"]}


def task_delete_cluster() -> dict[str, Any]:
    """Delete the cluster."""
    lost = "the cluster with its nodes and running dataflows; network cards and GPU go back"
    return {
        "actions": [Do(removal.delete)],
        "uptodate": [Current(removal.lack_of_deletion)],
        "meta": {DISRUPTS: lost, ROOT: _RETURNS},
    }


def task_status() -> dict[str, Any]:
    """Show what there is: engine, images, registry, nodes and pods."""
    return {"actions": [Do(status.show)], "meta": {QUERY: True}}


def task__clean() -> dict[str, Any]:
    """Declare the task `clean`; doit refuses a creator called task_clean, since it has a command of that name."""
    lost = "the cluster with its nodes and running dataflows, the registry and the embedded engine"
    doc = "Delete the cluster, the registry, the embedded engine and all that was generated; the cache stays."
    return {
        "basename": "clean",
        "doc": doc,
        "actions": [Do(removal.clean)],
        "uptodate": [Current(removal.lack_of_cleaning)],
        "meta": {DISRUPTS: lost, ROOT: _REMOVALS},
    }


def clean_all() -> None:
    """Run the task `clean` on behalf of doit's own `clean` command, which has no reporter.

    Raises:
        SystemExit: It failed; without this, doit would go on and return 0.
    """
    with ExitStack() as ends:
        ends.callback(progress.listen(Lines(sys.stdout)))
        try:
            ends.callback(lock.hold(paths.RUN_LOCK, "./doit clean").release)
            ends.callback(rights.secure(_REMOVALS))
            removal.clean()
        except Problem as problem:
            raise SystemExit(str(problem)) from None

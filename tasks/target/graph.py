"""What differs in the graph between a cluster of kind and one that exists already.

attach > _workers   the first steps on an existing cluster; _offered:<need> before patterns that need something of it,
                    after _policies, which has its virtual functions made where SRIOV=policy
detach              the way out of it
target_rbac
_target:<stage>     the tasks that a part of the graph consists of on the cluster that the parameters name
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import later
from tasks.runner.meta import DISRUPTS, LOOKS_ONLY, MEANS, REMAKES_ALL
from tasks.runner.reporter import QUERY
from tasks.settings import stages, target
from tasks.settings.checks import GPU, LOADBALANCER, NICS
from tasks.settings.controller import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.target import attaching, choice, leaving, offering, reading, rights, sriov_making
else:
    attaching = later("tasks.target.attaching")
    choice = later("tasks.target.choice")
    leaving = later("tasks.target.leaving")
    offering = later("tasks.target.offering")
    reading = later("tasks.target.reading")
    rights = later("tasks.target.rights")
    sriov_making = later("tasks.target.sriov_making")

_STAGES = tuple(stages.STAGES[target.KIND])
# What makes what patterns need, before it is looked for.
_MAKERS = {NICS: ("_policies",)}


def task_attach() -> dict[str, Any]:
    """Attach this checkout to the existing cluster that the parameters name."""
    return {"actions": [Do(attaching.attach)], "uptodate": [Current(attaching.lack)], "meta": LOOKS_ONLY}


def task__workers() -> dict[str, Any]:
    """Read what the workers have, with an image that each pulls from the registry."""
    return {
        "actions": [Do(reading.read)],
        "task_dep": ["attach", "registry_ca", f"function_image:{SIDECAR}"],
        "uptodate": [Current(reading.lack)],
        "meta": {MEANS: REMAKES_ALL},
    }


def task__offered() -> Iterator[dict[str, Any]]:
    """Stop if the nodes of an existing cluster do not offer what patterns need (`_offered:<need>`)."""
    for need in (NICS, GPU, LOADBALANCER):
        yield {
            "name": need,
            "actions": [Do(offering.require, need)],
            "task_dep": ["attach", "_target:addons", *_MAKERS.get(need, ())],
            "uptodate": [Current(offering.lack, need)],
            "meta": LOOKS_ONLY,
        }


def task__policies() -> dict[str, Any]:
    """Have the SR-IOV network operator make virtual functions, where SRIOV=policy."""
    return {
        "actions": [Do(sriov_making.make)],
        "task_dep": ["attach"],
        "uptodate": [Current(sriov_making.lack)],
        "meta": {MEANS: REMAKES_ALL},
    }


def task_detach() -> dict[str, Any]:
    """Delete what this tool has made in the existing cluster, and nothing else."""
    return {
        "actions": [Do(leaving.detach)],
        "uptodate": [Current(leaving.lack)],
        "meta": {DISRUPTS: "the running dataflows, and the controller"},
    }


def task_target_rbac() -> dict[str, Any]:
    """Show the role that the account for an existing cluster needs, for its administrator."""
    return {"actions": [Do(rights.show)], "io": {"capture": False}, "meta": {QUERY: True}}


def task__target() -> Iterator[dict[str, Any]]:
    """Run a part of the graph as the cluster needs it (`_target:<stage>`)."""
    for stage in _STAGES:
        yield {"name": stage, "actions": None, "calc_dep": [f"_target_tasks:{stage}"]}


def task__target_tasks() -> Iterator[dict[str, Any]]:
    """Choose the tasks of a part of the graph (`_target_tasks:<stage>`)."""
    for stage in _STAGES:
        yield {
            "name": stage,
            "actions": [Do(choice.stage, stage)],
            "uptodate": [Same(choice.stage, stage)],
            "meta": LOOKS_ONLY,
        }

"""What is known of a task before it runs: whom it disturbs, and what it makes others do."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Disruption:
    """What of the user's a task interrupts, whenever it runs.

    Attributes:
        tasks: Pattern of task names.
        what: What is interrupted.
    """

    tasks: str
    what: str


@dataclass(frozen=True)
class Consequence:
    """What it means for a task that one before it makes something else than there was.

    Attributes:
        cause: Pattern of the names of that task.
        tasks: Pattern of the names of those that depend on it.
        outcome: One of NOTHING, RUN, STOP. What is in no row cannot be known.
    """

    cause: str
    tasks: str
    outcome: str


NOTHING = "nothing"
RUN = "run"
STOP = "stop unless RECREATE=1"

DISRUPTIONS = (
    Disruption("delete_cluster", "the cluster with its nodes and running dataflows; network cards and GPU go back"),
    Disruption("clean", "the cluster with its nodes and running dataflows, the registry and the embedded engine"),
    Disruption("delete_dataflow:*", "the running dataflow"),
    Disruption("nics:*", "the network card of the worker: the host loses it"),
    Disruption("nics_restore", "dataflows on SR-IOV: the workers lose their network cards"),
    Disruption("gpu_lease", "the GPU: the host's driver and its services stop"),
    Disruption("gpu_return", "dataflows on the GPU: the worker loses it"),
    Disruption("node:registry-credentials", "the kubelets where the credentials changed: they restart, pods go on"),
    Disruption("controller:managers", "the controller: it restarts where it changed"),
    Disruption("controller:daemons", "the workers' daemons: they restart where they changed"),
)

CONSEQUENCES = (
    # They look, or make a thing that the others' own checks see for themselves.
    Consequence("_doctor:*", "*", NOTHING),
    Consequence("_runnable", "*", NOTHING),
    Consequence("_in_source:*", "*", NOTHING),
    Consequence("engine", "*", NOTHING),
    Consequence("kind_config", "*", NOTHING),
    # An image's label names its inputs, so that a changed one has another id, which is an input of its children.
    Consequence("image:*", "image:*", RUN),
    # The registry's own check compares the image that its containers run.
    Consequence("image:*", "registry", RUN),
    Consequence("image:*", "_kind", STOP),
    Consequence("registry*", "_kind", NOTHING),
    # An add-on's own check sees what it names of another, or of an image.
    Consequence("addon:*", "addon:*", NOTHING),
    Consequence("addon_image:*", "addon:*", NOTHING),
    # Another cluster has nothing of what was in the one before.
    Consequence("_kind", "*", RUN),
    Consequence("_ready", "*", RUN),
    Consequence("cpufunc_namespaces", "*", RUN),
    Consequence("controller:*", "*", RUN),
    Consequence("post_setup", "*", RUN),
)


def disruptions(task: str) -> tuple[str, ...]:
    """Return what the run of a task interrupts."""
    return tuple(row.what for row in DISRUPTIONS if fnmatchcase(task, row.tasks))


def outcome(cause: str, task: str) -> str:
    """Return what the run of `cause` means for `task`, or an empty string where that cannot be known."""
    return next(
        (row.outcome for row in CONSEQUENCES if fnmatchcase(cause, row.cause) and fnmatchcase(task, row.tasks)), ""
    )

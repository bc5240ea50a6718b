"""The dataflows: deployed and verified, or deleted.

_doctor:<need>, _enough_functions, create_cluster, addon:<need>, scenario:<pattern> > dataflow:<pattern>
_verifiable (the same for all patterns that can run), prepare_scenario              > dataflow
delete_dataflow:<pattern>      dataflow_status
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.patterns import known
from tasks.patterns.graph import refusals
from tasks.runner.declare import Current, Do, Same, group_that_acts
from tasks.runner.later import later
from tasks.runner.meta import DISRUPTS, LOOKS_ONLY, SEEN_UNLESS_REMADE, WATCHED
from tasks.runner.reporter import QUERY
from tasks.settings import parameters
from tasks.settings.checks import GPU, LOADBALANCER, NICS, VIDEO
from tasks.settings.controller import VIDEO_SENDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.dataflows import all_patterns, deployment, status, verification, video_sender
    from tasks.lack import Lack
    from tasks.patterns.model import Pattern
    from tasks.scenarios import needs
    from tasks.target import choice
else:
    all_patterns = later("tasks.dataflows.all_patterns")
    deployment = later("tasks.dataflows.deployment")
    status = later("tasks.dataflows.status")
    verification = later("tasks.dataflows.verification")
    video_sender = later("tasks.dataflows.video_sender")
    needs = later("tasks.scenarios.needs")
    choice = later("tasks.target.choice")

_AS_JSON = {"name": "as_json", "long": "json", "type": bool, "default": False, "help": "show a JSON list"}
# The add-ons that provide what a pattern needs.
_ADDONS = {NICS: ("multus", "sriov-device-plugin", "nvidia-k8s-ipam"), LOADBALANCER: ("metallb",)}
# The tasks that only look begin with one of these.
_LOOKS = ("_doctor:", "_enough_functions:", "_in_source:")
# The task that provides what a pattern needs in the cluster.
_LEASES = {
    GPU: "_target:gpu",
    NICS: "_target:nics",
    LOADBALANCER: "_target:loadbalancer",
    VIDEO: "send_video_tool",
}


def task_dataflow() -> Iterator[Any]:
    """Deploy and verify every pattern that can run, or one (`dataflow:<pattern>`)."""
    for pattern in known.patterns():
        yield {
            "name": pattern.name,
            "doc": f"Deploy and verify {pattern.summary}.",
            "actions": [Do(deployment.deploy, pattern.name), Do(verification.verify, pattern.name)],
            "task_dep": [*_prerequisites(pattern), f"scenario:{pattern.name}"],
        }
    yield from refusals()
    yield _all_dataflows(task_dataflow.__doc__)


def _all_dataflows(doc: str | None) -> object:
    return group_that_acts(
        "dataflow",
        doc=doc,
        actions=[Do(all_patterns.verify)],
        calc_dep=["_verifiable"],
        uptodate=[Current(all_patterns.lack)],
        meta={DISRUPTS: "the running dataflows: a pattern and its twin take turns", WATCHED: deployment.watched},
    )


def _prerequisites(pattern: Pattern) -> Iterator[str]:
    """Yield the tasks that a dataflow depends on: those that only look come first, before anything is touched."""
    yield "_doctor:emulation"
    yield "_doctor:create_cluster"
    yield from (f"_doctor:{need}" for need in pattern.needs)
    if pattern.vfs:
        yield f"_enough_functions:{pattern.name}"
    yield f"_in_source:{pattern.name}"
    yield "create_cluster"
    yield from (f"addon:{name}" for need in pattern.needs for name in _ADDONS.get(need, ()))
    yield from (_LEASES[need] for need in pattern.needs if need in _LEASES)


def task__verifiable() -> dict[str, Any]:
    """Choose what the patterns that can run here depend on."""
    return {
        "actions": [Do(verifiable)],
        "task_dep": ["controller_source"],
        "calc_dep": ["_asked_registry"],
        "uptodate": [Same(verifiable)],
        "meta": LOOKS_ONLY,
    }


def verifiable() -> dict[str, Any]:
    """Return the tasks that a run over all patterns that lack nothing depends on."""
    return {"task_dep": prerequisites(needs.runnable(needs.machine(parameters.current())))}


def prerequisites(names: Iterable[str]) -> list[str]:
    """Return the tasks that a run over patterns depends on: those that only look come first."""
    of_each = [need for name in names for need in _prerequisites(known.named(name))]
    found = dict.fromkeys([*of_each, "_doctor:create_cluster", "create_cluster", "prepare_scenario"])
    return sorted(found, key=lambda name: not name.startswith(_LOOKS))


def task__enough_functions() -> Iterator[dict[str, Any]]:
    """Refuse a pattern that takes more virtual functions than there are to be (`_enough_functions:<pattern>`)."""
    for pattern in known.patterns():
        if pattern.vfs:
            yield {
                "name": pattern.name,
                "actions": [Do(require_functions, pattern.name)],
                "uptodate": [Current(lack_of_functions, pattern.name)],
                "meta": LOOKS_ONLY,
            }


def lack_of_functions(name: str) -> Lack:
    """Return an obstacle if a pattern takes more virtual functions than each worker is to have."""
    return needs.lack_of_functions(name, choice.of(parameters.current()).functions_each)


def require_functions(name: str) -> None:
    """Refuse a pattern that takes more virtual functions than each worker is to have.

    Raises:
        Problem: One line with both numbers.
    """
    needs.require_functions(name, choice.of(parameters.current()).functions_each)


def task_delete_dataflow() -> Iterator[dict[str, Any]]:
    """Delete a dataflow (`delete_dataflow:<pattern>`)."""
    for pattern in known.patterns():
        yield {
            "name": pattern.name,
            "doc": f"Delete the dataflow {pattern.dataflow} of {pattern.name}.",
            "actions": [Do(deployment.delete, pattern.name)],
            "meta": {DISRUPTS: "the running dataflow"},
        }
    yield from refusals()


def task_send_video_tool() -> dict[str, Any]:
    """Run the pod that sends videos to dataflows."""
    return {
        "actions": [Do(video_sender.deploy)],
        "task_dep": ["_target:ready", "cpufunc_namespaces", f"function_image:{VIDEO_SENDER}", "_target:sender"],
        "uptodate": [Current(video_sender.lack)],
        "meta": SEEN_UNLESS_REMADE,
    }


def task_dataflow_status() -> dict[str, Any]:
    """Show each deployed dataflow with its functions and connections (--json for programs)."""
    return {
        "actions": [Do(status.show)],
        "params": [_AS_JSON],
        "io": {"capture": False},
        "meta": {QUERY: True},
    }

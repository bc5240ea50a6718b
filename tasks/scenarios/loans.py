"""Which cards and whether the GPU of this machine a whole cluster is lent, and why what is there stays on the host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.doctor import examination, first_steps
from tasks.engines.host import namespaces
from tasks.engines.kube import access
from tasks.engines.programs import root
from tasks.gpu import handover, lease, sharing, stand_in
from tasks.images import choices
from tasks.nics import cards, emulated
from tasks.problems import Problem
from tasks.scenarios import needs
from tasks.settings import checks, emulation, gpu, nics
from tasks.target import choice as target_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.settings.nics import Row
    from tasks.settings.parameters.model import Parameters

_GPU_TASK = "_gpu_in_inventory"


@dataclass(frozen=True)
class Server:
    """What could be lent, and what stands against it.

    Attributes:
        chosen: The parameters of the run.
        lends: Whether the cluster is lent anything: one that exists already is not.
        has_card: Returns whether the card of a worker is on the host or lent to it.
        has_gpu: Returns whether there is a GPU on the host or lent to the cluster.
        missing: Returns what stands against lending the card of a worker, or the GPU: one phrase each.
    """

    chosen: Parameters
    lends: bool
    has_card: Callable[[Row], bool]
    has_gpu: Callable[[], bool]
    missing: Callable[[str], Sequence[str]]


def server(chosen: Parameters) -> Server:
    """Return this machine.

    Args:
        chosen: The parameters of the run.
    """
    here = needs.machine(chosen)
    host = examination.of_this_machine(chosen).server

    def has_card(row: Row) -> bool:
        if emulated.asked_for(chosen):
            return True
        there = host.function_of(_interface(row, chosen)) is not None
        return there or first_steps.is_settled(row.target, chosen)

    def has_gpu() -> bool:
        return bool(host.devices(gpu.NVIDIA, gpu.DISPLAY)) or first_steps.is_settled(checks.GPU, chosen)

    def missing(target: str) -> Sequence[str]:
        # Only root sees what a loan would be refused for. A run asks for root first if there is something to lend.
        return here.missing(target) or (_refused(chosen, target) if _is_root_granted(target, chosen) else ())

    return Server(chosen, target_choice.of(chosen).borrows, has_card, has_gpu, missing)


def announce(here: Server) -> dict[str, Any]:
    """Show what is not lent, and why; return the same as `choice`."""
    found = choice(here)
    for name, reason in {**found["left"], **found["emulated"]}.items():
        progress.line(f"{name}: {reason}")
    return found


def choice(here: Server) -> dict[str, Any]:
    """Return the tasks that lend what can be lent, as doit's calculated dependencies, and in words what is not real.

    `left` says what is left out and why, `emulated` what is stood in for.
    """
    against = {**_cards(here), **_gpu(here)} if here.lends else {}
    return {
        "task_dep": [task for task, reason in against.items() if not reason],
        "left": {_NAMES.get(task, task): reason for task, reason in against.items() if reason},
        "emulated": {row.target: _emulated(row, here) for row in nics.WORKERS if _is_emulated(row, here, against)},
    }


def _is_emulated(row: Row, here: Server, against: Mapping[str, str]) -> bool:
    return emulated.asked_for(here.chosen) and against.get(row.target) == ""


def _emulated(row: Row, here: Server) -> str:
    network = emulated.network_of(here.chosen)
    return (
        f"{_interface(row, here.chosen)} is emulated (EMULATE={emulation.SRIOV}), in the Docker network {network.name}"
    )


def early_lease(here: Server) -> dict[str, Any]:
    """Return the task that lends the GPU if a new cluster gets it, as doit's calculated dependencies.

    A controller that runs already is told afterwards, by the task that `choice` names.
    """
    is_early = here.lends and _is_new(here.chosen) and not _gpu(here)[_GPU_TASK]
    return {"task_dep": [_NAMES[_GPU_TASK]] if is_early else []}


def _is_new(chosen: Parameters) -> bool:
    """Return whether the cluster is still to be made, or made again; no engine is asked."""
    try:
        access.kubeconfig(chosen.cluster_name)
    except Problem:
        return True
    return chosen.recreate


# What the user reads instead of the name of an internal task.
_NAMES = {_GPU_TASK: "gpu_lease"}


def _cards(here: Server) -> dict[str, str]:
    """Return the reason why a card is not lent, or an empty string, by the task that lends it."""
    there = [row for row in nics.WORKERS if here.has_card(row)]
    names = {row: _interface(row, here.chosen) for row in nics.WORKERS}
    if not there:
        asked = ", ".join(f"{name} ({row.interface})" for row, name in names.items())
        return {"nics": f"no card is lent: none of {asked} is on this host"}
    return {row.target: _against_card(row, names[row], here) for row in nics.WORKERS}


def _against_card(row: Row, name: str, here: Server) -> str:
    if not here.has_card(row):
        return f"no card is lent: {name} ({row.interface}) is not on this host"
    reasons = here.missing(row.target)
    if reasons and emulated.asked_for(here.chosen):
        return f"{name} is not emulated: {'; '.join(reasons)}"
    return f"{name} stays on the host: {'; '.join(reasons)}" if reasons else ""


def _gpu(here: Server) -> dict[str, str]:
    if stand_in.is_chosen(here.chosen):
        return {_GPU_TASK: stand_in.STOOD_IN}
    if not here.has_gpu():
        return {_GPU_TASK: "no GPU is lent: this machine has no NVIDIA GPU"}
    if here.chosen.gpu == "no":
        return {_GPU_TASK: "the GPU stays on the host: GPU=no"}
    reasons = here.missing(checks.GPU)
    return {_GPU_TASK: f"the GPU stays on the host: {'; '.join(reasons)}" if reasons else ""}


def _is_root_granted(target: str, chosen: Parameters) -> bool:
    if target != checks.GPU and emulated.asked_for(chosen):
        return True  # an emulated card needs none
    return root.is_granted("true") if target == checks.GPU else namespaces.is_granted()


@cache
def _refused(chosen: Parameters, target: str) -> tuple[str, ...]:
    """Return why what passes all checks is not lent all the same; nothing if it is lent already."""
    if first_steps.is_settled(target, chosen):
        return ()
    if target == checks.GPU:
        return _against_the_gpu(chosen)
    (task,) = (row.task for row in nics.WORKERS if row.target == target)
    return tuple(filter(None, [cards.objection(task, chosen)]))


def _against_the_gpu(chosen: Parameters) -> tuple[str, ...]:
    if sharing.is_shared(sharing.Choice(chosen)):
        return ()
    if not choices.is_gpu_lent(chosen):
        return ("the nodes' runtime is not CRI-O (NODE_RUNTIME)",)
    used = lease.objections(chosen)
    return (*used, handover.CONSENT) if used else ()


def _interface(row: Row, chosen: Parameters) -> str:
    return str(getattr(chosen, row.interface.lower()))

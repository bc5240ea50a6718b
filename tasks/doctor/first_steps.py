"""What the first steps look at: whether what they stand for is there, so that the machine need not be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.doctor import versions
from tasks.engines.docker import containers
from tasks.engines.docker import images as docker_images
from tasks.engines.files import ledgers
from tasks.engines.kube import cluster_owner
from tasks.gpu import handover, ledger, sharing, stand_in
from tasks.images import packages
from tasks.nics import emulated
from tasks.nics import ledger as nics_ledger
from tasks.settings import images, nics
from tasks.settings.checks import EMULATION, GPU, NICS, VERSIONS
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def is_settled(target: str, chosen: Parameters) -> bool:
    """Return whether what a target stands for is already there, so that the machine need not be checked.

    Args:
        target: One of FIRST_STEPS.
        chosen: The parameters of the run.
    """
    return not lack_of(target, chosen)


def lack_of(target: str, chosen: Parameters) -> Lack:
    """Return what a target still lacks, and what stands in its way.

    Args:
        target: One of FIRST_STEPS.
        chosen: The parameters of the run.
    """
    if target not in choice.of(chosen).looks:
        return lacks.NOTHING
    find = _LACKS.get(target)
    return find(target, chosen) if find else _not_there(target)


def _not_there(target: str) -> Lack:
    return lacks.of(f"{target}: not there yet, so the machine is checked first")


def _lack_of_images(target: str, chosen: Parameters) -> Lack:
    if docker_images.find(images.tag(images.NODE_IMAGE, chosen)) is None:
        return _not_there(target)
    return lacks.of(*packages.to_be_installed(chosen))


def _lack_of_cluster(target: str, chosen: Parameters) -> Lack:
    stranger = cluster_owner.objection(chosen.cluster_name)
    # This makes the check run and report the cluster of another owner before anything is built for ours.
    if stranger is not None:
        return lacks.obstacle(stranger.message) + _not_there(target)
    return lacks.NOTHING if containers.find(f"{chosen.cluster_name}-control-plane") else _not_there(target)


def _lack_of_nics(target: str, chosen: Parameters) -> Lack:
    name = chosen.cluster_name
    there = emulated.is_there(name) if emulated.asked_for(chosen) else nics_ledger.path(name).exists()
    return lacks.NOTHING if there else _not_there(target)


def _lack_of_card(target: str, chosen: Parameters) -> Lack:
    (worker,) = (worker for worker in nics.WORKERS if worker.target == target)
    node = worker.node(chosen.cluster_name)
    if emulated.asked_for(chosen):
        return lacks.NOTHING if emulated.has_card(node, chosen.cluster_name) else _not_there(target)
    lent = nics_ledger.load(chosen.cluster_name)
    return lacks.NOTHING if lent and node in lent.loans else _not_there(target)


def _lack_of_gpu(target: str, chosen: Parameters) -> Lack:
    name = chosen.cluster_name
    lent = ledger.load_current(name, ledgers.boot()) or sharing.is_seen_by(handover.node(name))
    return lacks.NOTHING if stand_in.is_chosen(chosen) or lent else _not_there(target)


def _lack_of_emulation(target: str, chosen: Parameters) -> Lack:
    refused = stand_in.objection(chosen)
    return lacks.obstacle(f"EMULATE: {refused}") + _not_there(target) if refused else lacks.NOTHING


def _lack_of_versions(_: str, chosen: Parameters) -> Lack:
    return versions.lack(chosen)


_LACKS: Mapping[str, Callable[[str, Parameters], Lack]] = {
    "images": _lack_of_images,
    "create_cluster": _lack_of_cluster,
    NICS: _lack_of_nics,
    **{worker.target: _lack_of_card for worker in nics.WORKERS},
    GPU: _lack_of_gpu,
    VERSIONS: _lack_of_versions,
    EMULATION: _lack_of_emulation,
}

"""Takes the cluster away, and all else that was made, as far as it is ours and nobody needs it."""

from __future__ import annotations

import atexit
import shutil
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.cluster import engine, kubeconfig_owner
from tasks.docker_engine import service
from tasks.engines.docker import client, containers, networks
from tasks.engines.files import access
from tasks.engines.kube import cluster_owner, kind, kubeconfigs
from tasks.gpu import lease
from tasks.nics import cards
from tasks.registry import certificates, embedded
from tasks.settings import cluster, parameters, paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lack_of_deletion() -> Lack:
    """Return whether something of the cluster is left, or whose it is where it is not ours.

    Raises:
        Problem: No engine answers.
    """
    name = parameters.current().cluster_name
    stranger = cluster_owner.objection(name)
    if stranger is not None:
        return lacks.obstacle(stranger.message)
    left = bool(kind.nodes(name)) or paths.cluster_dir(name).exists()
    lent = cards.still_lent(name) or lease.still_lent(name)
    return lacks.unless(not (left or lent), f"cluster {name}: is there")


def delete() -> None:
    """Take the cluster away, with its entry in the user's kubeconfig; what it borrowed goes back first.

    Raises:
        Problem: It is not ours, it may be on an engine that does not answer, or something could not be given back.
    """
    p = parameters.current()
    if engine.ensure_answer(p):
        _delete(p)


def lack_of_cleaning() -> Lack:
    """Return what there is to take away, or whose the cluster is where it is not ours.

    Raises:
        Problem: No engine answers.
    """
    return lack_of_deletion() or lacks.unless(not paths.BUILD.exists(), f"{paths.BUILD.name}/: is there")


def clean() -> None:
    """Take away everything but CACHE_DIR: cluster, registry, network, embedded engine, and what was generated.

    What another cluster needs stays, be it this checkout's or another's.

    Raises:
        Problem: As `delete`, or something cannot be taken away.
    """
    p = parameters.current()
    access.check_removable(paths.BUILD)
    siblings = _remove_from_engine(p)
    if siblings:
        first = f"CLUSTER_NAME={siblings[0]} ./doit clean"
        progress.line(f"Left build/ to cluster {', '.join(siblings)} of this checkout. Try: {first}")
    else:
        _remove_build()


def give_back(name: str) -> None:
    """Give back the network cards and the GPU that a cluster of ours has borrowed.

    Args:
        name: Name of the cluster.

    Raises:
        Problem: Something could not be given back as it was.
    """
    for node in kind.nodes(name):
        # What uses the GPU there cannot be stopped while it is frozen.
        if node.paused:
            containers.unpause(node.name)
    cards.let_go(name)
    lease.let_go(parameters.current())


def _remove_from_engine(p: Parameters) -> list[str]:
    """Take away what is on the engine, where one answers; return this checkout's clusters that stay."""
    if not engine.ensure_answer(p):
        return []
    _delete(p)
    siblings = sorted((cluster_owner.siblings() | engine.made_elsewhere()) - {p.cluster_name})
    _leave_engine(p, siblings)
    return siblings


def _delete(p: Parameters) -> None:
    name = p.cluster_name
    cluster_owner.require_ours(name)
    engine.require_same(name)
    there = bool(kind.nodes(name))
    foreign = kubeconfig_owner.objection(name)
    if there and foreign is None:
        kubeconfigs.require_removable(name)
    give_back(name)
    if there:
        kind.delete(name, p, kubeconfig=paths.cluster_dir(name) / "kubeconfig" if foreign else None)
        progress.line(f"Deleted cluster {name}.")
    shutil.rmtree(paths.cluster_dir(name), ignore_errors=True)


def _leave_engine(p: Parameters, siblings: list[str]) -> None:
    """Take away what all clusters share, and the embedded engine itself, unless others use them."""
    others = cluster_owner.others(p.cluster_name) or [f"cluster {sibling} of this checkout" for sibling in siblings]
    if others:
        progress.line(f"Left the registry and the Docker engine to {', '.join(others)}.")
        return
    embedded.remove(p)
    certificates.distrust(p)
    _remove_network()
    tenants = containers.tenants(client.embedded().url)
    if tenants:
        progress.line(f"Left the embedded Docker engine to {', '.join(tenants)}.")
    else:
        service.stop()


def _remove_network() -> None:
    removed = networks.remove(cluster.NETWORK)
    if not removed and networks.is_ours(cluster.NETWORK):
        users = networks.users(cluster.NETWORK)
        progress.line(f"Left the Docker network {cluster.NETWORK} to {', '.join(users)}.")


def _remove_build() -> None:
    """Remove what was generated; what doit and the reporter use or write goes when the process ends."""
    in_use = (paths.TASK_DATABASE, paths.RUN_LOCK, paths.LAST_PARAMETERS)
    for entry in paths.BUILD.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif not entry.name.startswith(tuple(file.name for file in in_use)):
            entry.unlink()
    atexit.register(_remove_rest, in_use)


def _remove_rest(files: tuple[Path, ...]) -> None:
    for file in files:
        for part in paths.BUILD.glob(f"{file.name}*"):
            part.unlink(missing_ok=True)
    if not any(paths.BUILD.iterdir()):
        paths.BUILD.rmdir()

"""Removes the cluster and everything else that was made, as far as it is ours and nobody else needs it."""

from __future__ import annotations

import atexit
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.cluster import engine, kubeconfig_owner
from tasks.docker_engine import service
from tasks.engines.docker import client, containers, networks
from tasks.engines.files import access
from tasks.engines.kube import attachment, cluster_owner, kind, kubeconfigs
from tasks.gpu import lease
from tasks.nics import cards
from tasks.problems import Problem
from tasks.registry import certificates, embedded
from tasks.settings import cluster, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.cluster.collaborators import EmbeddedEngine, Lender, Tool
    from tasks.engines.kube.kind import NodeFacts
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lack_of_deletion() -> Lack:
    """Return whether anything of the cluster is left or, if the cluster is not ours, whose it is.

    Raises:
        Problem: No engine answers.
    """
    name = parameters.current().cluster_name
    if attachment.load(name):
        return lacks.obstacle(_kept(name).message)
    nodes = kind.nodes(name)
    stranger = cluster_owner.objection(name, nodes)
    if stranger is not None:
        return lacks.obstacle(stranger.message)
    left = bool(nodes) or paths.cluster_dir(name).exists()
    lent = cards.still_lent(name) or lease.still_lent(name)
    return lacks.unless(not (left or lent), f"cluster {name}: is there")


def delete() -> None:
    """Give back what the cluster borrowed, then remove it and its entry in the user's kubeconfig.

    Raises:
        Problem: It is not ours, it may be on an engine that does not answer, or something could not be given back.
    """
    Removal(parameters.current()).delete()


def lack_of_cleaning() -> Lack:
    """Return what there is to remove or, if the cluster is not ours, whose it is.

    Raises:
        Problem: No engine answers.
    """
    if attachment.folders():
        left = [entry for entry in paths.BUILD.iterdir() if entry.is_dir() and entry not in attachment.folders()]
        return lacks.of(*(f"{entry}: is there" for entry in left))
    return lack_of_deletion() or lacks.unless(not paths.BUILD.exists(), f"{paths.BUILD.name}/: is there")


def lack_of_distrust() -> Lack:
    """Return whether cleaning removes files by which Docker trusts the registry, unless another cluster needs them.

    Raises:
        Problem: No engine answers.
    """
    p = parameters.current()
    trusted = certificates.trusted_by_us(p)
    if not trusted or cluster_owner.others(p.cluster_name):
        return lacks.NOTHING
    return lacks.of(*(f"{file}: is there" for file in trusted))


def clean() -> None:
    """Remove everything but CACHE_DIR: cluster, registry, network, embedded engine, and what was generated.

    What another cluster needs stays, whether that cluster belongs to this checkout or another.

    Raises:
        Problem: As `delete`, or something cannot be removed.
    """
    Removal(parameters.current()).clean()


def _kept(name: str) -> Problem:
    return Problem(f"cluster {name} exists without this tool, which never deletes it", hint="./doit detach")


def give_back(p: Parameters, nodes: list[NodeFacts], lenders: tuple[Lender, ...]) -> None:
    """Give back what a cluster of ours has borrowed.

    Args:
        p: The parameters of the run.
        nodes: Its nodes.
        lenders: Take it back.

    Raises:
        Problem: Something could not be given back as it was.
    """
    for node in nodes:
        # Programs that use the GPU on a node cannot be stopped while the node is paused.
        if node.paused:
            containers.unpause(node.name)
    for lender in lenders:
        lender(p)


def _let_cards_go(p: Parameters) -> None:
    cards.let_go(p.cluster_name)


LENDERS: tuple[Lender, ...] = (_let_cards_go, lease.let_go)


@dataclass(frozen=True)
class Removal:
    """The removal of a cluster.

    Attributes:
        p: The parameters of the run.
        tool: Removes clusters.
        lenders: Take back what the cluster has borrowed.
        embedded_engine: Starts and stops the embedded engine.
        at_end: Registers a function and its arguments for a call when the process ends.
    """

    p: Parameters
    tool: Tool = kind
    lenders: tuple[Lender, ...] = LENDERS
    embedded_engine: EmbeddedEngine = service
    at_end: Callable[..., object] = atexit.register

    def delete(self) -> None:
        """Remove the cluster.

        Raises:
            Problem: As the function `delete`.
        """
        if attachment.load(self.p.cluster_name):
            raise _kept(self.p.cluster_name)
        if engine.ensure_answer(self.p, self.embedded_engine.ensure_one):
            self._delete()

    def clean(self) -> None:
        """Remove everything but CACHE_DIR.

        Raises:
            Problem: As the function `clean`.
        """
        access.check_removable(paths.BUILD)
        siblings = self._remove_from_engine()
        if siblings:
            first = f"CLUSTER_NAME={siblings[0]} ./doit clean"
            progress.line(f"Left build/ to cluster {', '.join(siblings)} of this checkout. Try: {first}")
        else:
            self._remove_build(paths.BUILD)

    def _remove_from_engine(self) -> list[str]:
        """Remove what is on the engine, if one answers, and return this checkout's clusters that stay."""
        if not engine.ensure_answer(self.p, self.embedded_engine.ensure_one):
            return []
        self._delete()
        siblings = sorted((cluster_owner.siblings() | engine.made_elsewhere()) - {self.p.cluster_name})
        self._leave_engine(siblings)
        return siblings

    def _delete(self) -> None:
        name = self.p.cluster_name
        if attachment.load(name):
            return
        nodes = kind.nodes(name)
        cluster_owner.require_ours(name, nodes)
        engine.require_same(name, nodes)
        foreign = kubeconfig_owner.objection(name, nodes)
        if nodes and foreign is None:
            kubeconfigs.require_removable(name)
        give_back(self.p, nodes, self.lenders)
        if nodes:
            own = paths.kubeconfig(name)
            self.tool.delete(name, self.p, kubeconfig=own if foreign else None)
            progress.line(f"Deleted cluster {name}.")
        shutil.rmtree(paths.cluster_dir(name), ignore_errors=True)

    def _leave_engine(self, siblings: list[str]) -> None:
        """Remove what all clusters share and stop the embedded engine, unless others use them."""
        clusters = [f"cluster {sibling} of this checkout" for sibling in siblings]
        others = cluster_owner.others(self.p.cluster_name) or clusters
        if others:
            progress.line(f"Left the registry and the Docker engine to {', '.join(others)}.")
            return
        embedded.remove(self.p)
        certificates.distrust(self.p)
        _remove_network()
        tenants = containers.tenants(client.embedded().url)
        if tenants:
            progress.line(f"Left the embedded Docker engine to {', '.join(tenants)}.")
        else:
            self.embedded_engine.stop()

    def _remove_build(self, build: Path) -> None:
        """Remove what was generated; what doit and the reporter still use or write is removed at process end."""
        in_use = tuple(file.name for file in (paths.TASK_DATABASE, paths.RUN_LOCK, paths.LAST_PARAMETERS))
        kept = attachment.folders()
        for folder in kept:
            progress.line(f"Left {folder} to the existing cluster that it leads to. Try: ./doit detach")
        for entry in build.iterdir():
            if entry in kept:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif not entry.name.startswith(in_use):
                entry.unlink()
        self.at_end(_remove_rest, build, in_use)


def _remove_network() -> None:
    removed = networks.remove(cluster.NETWORK)
    if not removed and networks.is_ours(cluster.NETWORK):
        users = networks.users(cluster.NETWORK)
        progress.line(f"Left the Docker network {cluster.NETWORK} to {', '.join(users)}.")


def _remove_rest(build: Path, names: tuple[str, ...]) -> None:
    for name in names:
        for part in build.glob(f"{name}*"):
            part.unlink(missing_ok=True)
    if not any(build.iterdir()):
        build.rmdir()

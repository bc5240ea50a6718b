"""The kind cluster: made once, resumed, and never rebuilt without consent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.cluster import access, address_plan, config, engine, kubeconfig_owner, provenance, removal
from tasks.engines.docker import containers as docker_containers
from tasks.engines.docker import networks
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import cluster_owner, kind, kubeconfigs
from tasks.engines.programs.waiting import until
from tasks.lack import Lack
from tasks.problems import Problem
from tasks.settings import cluster, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.settings.parameters.model import Parameters

# Seconds that an engine needs at most, on a busy machine, to finish what killed runs asked of it.
_PATIENCE = 30.0


def lack() -> Lack:
    """Return why the cluster does not run, was not finished, was made from something else, or cannot be reached.

    Raises:
        Problem: No engine answers, or it lacks an image of the nodes.
    """
    p = parameters.current()
    name = p.cluster_name
    stranger = cluster_owner.objection(name)
    if stranger is not None:
        return lacks.obstacle(stranger.message)
    nodes = kind.nodes(name)
    if _is_as_wanted(p, nodes):
        return lacks.unless(kube_api.answers(name), f"cluster {name}: its API does not answer")
    obstacles = [found.message for found in (engine.objection(name), kubeconfig_owner.objection(name)) if found]
    found = lacks.obstacle(*obstacles) + lacks.together(_lacks_of_nodes(p, nodes))
    return found or lacks.of("its check says so")


def create() -> None:
    """Have the cluster: resume one that is whole, start over one that is half made, make one where there is none.

    Raises:
        Problem: It is not ours, it is on another engine, it was made from something else than it would be made from, or
            kind failed.
    """
    p = parameters.current()
    name = p.cluster_name
    cluster_owner.require_ours(name)
    engine.require_same(name)
    kubeconfig_owner.require_free(name)
    nodes = kind.nodes(name)
    if not nodes or not access.user_has_access(name, nodes):
        kubeconfigs.require_writable()
    if nodes and not _keep(p, nodes):
        kubeconfigs.require_writable()
        kubeconfigs.require_removable(name)
        removal.give_back(name)
        kind.delete(name, p)
        nodes = []
    if not nodes:
        _make(p)
        nodes = kind.nodes(name)
    _start_stopped(nodes)
    # A node that was stopped has its port again only now.
    access.ensure_access(p, kind.nodes(name))
    until(
        f"cluster {name}: its API answers",
        lambda: kube_api.answers(name),
        bool,
        deadline=p.cluster_deadline,
        hint=f"docker logs {cluster.node_names(name)[0]}",
    )


def _is_as_wanted(p: Parameters, nodes: list[kind.NodeFacts]) -> bool:
    return (
        [node.name for node in nodes] == sorted(cluster.node_names(p.cluster_name))
        and all(node.running for node in nodes)
        and docker_containers.holds(nodes[0].name, cluster.RECORD, provenance.record(provenance.wanted(p)))
        and access.has_access(p.cluster_name, nodes)
    )


def _lacks_of_nodes(p: Parameters, nodes: list[kind.NodeFacts]) -> Iterator[Lack]:
    """Yield what would become of the nodes, as `_keep` decides it."""
    name = p.cluster_name
    recorded = provenance.recorded(name) if nodes else None
    if recorded is None:
        yield lacks.remade(f"cluster {name}: {'left half made' if nodes else 'not there'}")
        return
    drift = provenance.drift(recorded, provenance.wanted(p))
    if drift:
        yield lacks.remade(*drift)
    for node in nodes:
        yield lacks.unless(node.running, f"node {node.name}: {'paused' if node.paused else 'stopped'}")
    if drift and not p.recreate:
        yield lacks.obstacle("needs consent: RECREATE=1, or ./doit delete_cluster first")
    elif drift:
        yield Lack(disrupts=(f"cluster {name} with its running dataflows: it is made again",))
    else:
        yield lacks.unless(access.has_access(name, nodes), "kubeconfig: lacks the cluster")


def _keep(p: Parameters, nodes: list[kind.NodeFacts]) -> bool:
    """Decide whether the nodes that exist are to be kept.

    Raises:
        Problem: They are of a whole cluster that differs from the parameters, and there is no consent to rebuild it.
    """
    name = p.cluster_name
    recorded = provenance.recorded(name)
    if recorded is None:
        progress.line(f"Cluster {name} was left half made: starting it over.")
        return False
    missing = set(cluster.node_names(name)) - {node.name for node in nodes}
    if missing:
        progress.line(f"Cluster {name} lost {', '.join(sorted(missing))}, and kind adds no node: starting it over.")
        return False
    drift = provenance.drift(recorded, provenance.wanted(p))
    if drift and not p.recreate:
        raise Problem(
            f"cluster {name} was made from something else, and is not rebuilt without consent: {'; '.join(drift)}",
            hint="RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first",
        )
    if drift:
        progress.line(f"Cluster {name} is rebuilt (RECREATE=1): {'; '.join(drift)}")
    return not drift


def _make(p: Parameters) -> None:
    name = p.cluster_name
    address_plan.check(p)
    networks.ensure(cluster.NETWORK)
    paths.CONTROLLER.mkdir(parents=True, exist_ok=True)
    wanted = provenance.wanted(p)
    engine.remember(name)
    _make_nodes(p, end=time.monotonic() + _PATIENCE)
    # Written last: a control plane without it is of a cluster that was never finished.
    docker_containers.copy_into(cluster.node_names(name)[0], cluster.RECORD, provenance.record(wanted))


def _make_nodes(p: Parameters, end: float) -> None:
    """Run kind; again while the engine is still making nodes for runs that were killed.

    Args:
        p: The parameters of the run.
        end: End of the patience with that, on the clock of `time.monotonic`.
    """
    name = p.cluster_name
    while True:
        try:
            return kind.create(name, config.file(name), p)
        except kind.NodesExist:
            if time.monotonic() > end:
                raise
        cluster_owner.require_ours(name)
        kind.delete(name, p)


def _start_stopped(nodes: list[kind.NodeFacts]) -> None:
    for node in nodes:
        if node.paused:
            progress.line(f"Unpausing node {node.name}, which was paused.")
            docker_containers.unpause(node.name)
        elif not node.running:
            progress.line(f"Starting node {node.name}, which was stopped.")
            docker_containers.start(node.name)

"""The kind cluster: made once, resumed, and never rebuilt without consent."""

from __future__ import annotations

import time

from tasks import progress, reasons
from tasks.cluster import access, address_plan, config, engine, kubeconfig_owner, provenance, removal
from tasks.engines.docker import containers as docker_containers
from tasks.engines.docker import networks
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import cluster_owner, kind, kubeconfigs
from tasks.engines.programs.waiting import until
from tasks.problems import Problem
from tasks.settings import cluster, parameters, paths

# Seconds that an engine needs at most, on a busy machine, to finish what killed runs asked of it.
_PATIENCE = 30.0


def is_current() -> bool:
    """Return whether the cluster runs, was finished, was made from what it would be made from, and can be reached."""
    if not cluster_owner.is_ours(config.cluster_name()):
        return False
    nodes = kind.nodes(config.cluster_name())
    current = (
        [node.name for node in nodes] == sorted(cluster.node_names(config.cluster_name()))
        and all(node.running for node in nodes)
        and docker_containers.holds(nodes[0].name, cluster.RECORD, provenance.record(provenance.wanted()))
        and access.is_current(nodes)
    )
    if not current:
        _say_why(nodes)
    return current and reasons.unless(kube_api.answers(), f"cluster {config.cluster_name()}: its API does not answer")


def create() -> None:
    """Have the cluster: resume one that is whole, start over one that is half made, make one where there is none.

    Raises:
        Problem: It is not ours, it is on another engine, it was made from something else than it would be made from, or
            kind failed.
    """
    cluster_owner.require_ours(config.cluster_name())
    engine.require_same(config.cluster_name())
    kubeconfig_owner.require_free(config.cluster_name())
    nodes = kind.nodes(config.cluster_name())
    if not nodes or not access.user_has_access(nodes):
        kubeconfigs.require_writable()
    if nodes and not _keep():
        kubeconfigs.require_writable()
        kubeconfigs.require_removable(config.cluster_name())
        removal.give_back(config.cluster_name())
        kind.delete(config.cluster_name(), parameters.current())
        nodes = []
    if not nodes:
        _make()
    _start_stopped()
    access.ensure()
    until(
        f"cluster {config.cluster_name()}: its API answers",
        kube_api.answers,
        bool,
        deadline=parameters.current().cluster_deadline,
        hint=f"docker logs {cluster.node_names(config.cluster_name())[0]}",
    )


def _keep() -> bool:
    """Decide whether the nodes that exist are to be kept.

    Raises:
        Problem: They are of a whole cluster that differs from the parameters, and there is no consent to rebuild it.
    """
    recorded = provenance.recorded()
    if recorded is None:
        progress.line(f"Cluster {config.cluster_name()} was left half made: starting it over.")
        return False
    missing = set(cluster.node_names(config.cluster_name())) - {node.name for node in kind.nodes(config.cluster_name())}
    if missing:
        progress.line(
            f"Cluster {config.cluster_name()} lost {', '.join(sorted(missing))}, and kind adds no node: "
            "starting it over."
        )
        return False
    drift = provenance.drift(recorded, provenance.wanted())
    if drift and not parameters.current().recreate:
        raise Problem(
            f"cluster {config.cluster_name()} was made from something else, and is not rebuilt without consent: "
            f"{'; '.join(drift)}",
            hint="RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first",
        )
    if drift:
        progress.line(f"Cluster {config.cluster_name()} is rebuilt (RECREATE=1): {'; '.join(drift)}")
    return not drift


def _make() -> None:
    address_plan.check()
    networks.ensure(cluster.NETWORK)
    paths.CONTROLLER.mkdir(parents=True, exist_ok=True)
    wanted = provenance.wanted()
    engine.remember(config.cluster_name())
    _make_nodes(end=time.monotonic() + _PATIENCE)
    # Written last: a control plane without it is of a cluster that was never finished.
    docker_containers.copy_into(cluster.node_names(config.cluster_name())[0], cluster.RECORD, provenance.record(wanted))


def _make_nodes(end: float) -> None:
    """Run kind; again while the engine is still making nodes for runs that were killed.

    Args:
        end: End of the patience with that, on the clock of `time.monotonic`.
    """
    while True:
        try:
            return kind.create(config.cluster_name(), config.file(), parameters.current())
        except kind.NodesExist:
            if time.monotonic() > end:
                raise
        cluster_owner.require_ours(config.cluster_name())
        kind.delete(config.cluster_name(), parameters.current())


def _say_why(nodes: list[kind.NodeFacts]) -> None:
    """Tell a plan what would become of the nodes, as `_keep` decides it."""
    for found in (engine.objection(config.cluster_name()), kubeconfig_owner.objection(config.cluster_name())):
        if found is not None:
            reasons.obstacle(found.message)
    recorded = provenance.recorded() if nodes else None
    if recorded is None:
        reasons.remakes(f"cluster {config.cluster_name()}: {'left half made' if nodes else 'not there'}")
        return
    drift = provenance.drift(recorded, provenance.wanted())
    for change in drift:
        reasons.remakes(change)
    for node in nodes:
        reasons.unless(node.running, f"node {node.name}: {'paused' if node.paused else 'stopped'}")
    if drift and not parameters.current().recreate:
        reasons.obstacle("needs consent: RECREATE=1, or ./doit delete_cluster first")
    elif drift:
        reasons.disrupts(f"cluster {config.cluster_name()} with its running dataflows: it is made again")
    else:
        reasons.unless(access.is_current(nodes), "kubeconfig: lacks the cluster")


def _start_stopped() -> None:
    for node in kind.nodes(config.cluster_name()):
        if node.paused:
            progress.line(f"Unpausing node {node.name}, which was paused.")
            docker_containers.unpause(node.name)
        elif not node.running:
            progress.line(f"Starting node {node.name}, which was stopped.")
            docker_containers.start(node.name)

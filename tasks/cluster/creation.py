"""Creates the kind cluster once, resumes it, and never rebuilds it without consent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.cluster import access, address_plan, config, engine, kubeconfig_owner, provenance, removal
from tasks.engines.docker import containers as docker_containers
from tasks.engines.docker import networks
from tasks.engines.host import routes
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import cluster_owner, kind, kubeconfigs
from tasks.engines.programs.waiting import Condition
from tasks.lack import Lack
from tasks.problems import Problem
from tasks.settings import cluster, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tasks.cluster.collaborators import Lender, Tool
    from tasks.engines.host.routes import Route
    from tasks.engines.kube.kind import NodeFacts
    from tasks.settings.parameters.model import Parameters

# The longest time, in seconds, that the engine of a busy machine needs to finish the requests of killed runs.
_PATIENCE = 30.0


def lack() -> Lack:
    """Return why the cluster needs a run: stopped, unfinished, made from something else, or unreachable.

    Raises:
        Problem: No engine answers.
    """
    return Creation(parameters.current()).lack()


def create() -> None:
    """Resume the cluster if it is whole, start it over if it is half made, or create it if there is none.

    Raises:
        Problem: It is not ours, it is on another engine, what it was made from differs from what it would be made from
            now, or kind failed.
    """
    Creation(parameters.current()).create()


@dataclass(frozen=True)
class Creation:
    """The creation of a cluster.

    Attributes:
        p: The parameters of the run.
        tool: Creates and removes clusters.
        lenders: Take back what the cluster has borrowed before its nodes are removed.
        answers: Returns whether the API of the cluster with this name answers.
        routes: Returns the routes of the host.
        clock: Returns the time, in seconds.
    """

    p: Parameters
    tool: Tool = kind
    lenders: tuple[Lender, ...] = removal.LENDERS
    answers: Callable[[str], bool] = kube_api.answers
    routes: Callable[[], Sequence[Route]] = routes.routes
    clock: Callable[[], float] = time.monotonic

    def lack(self) -> Lack:
        """Return why the cluster needs a run.

        Raises:
            Problem: As the function `lack`.
        """
        name = self.p.cluster_name
        nodes = kind.nodes(name)
        stranger = cluster_owner.objection(name, nodes)
        if stranger is not None:
            return lacks.obstacle(stranger.message)
        if self._is_as_wanted(nodes):
            return lacks.unless(self.answers(name), f"cluster {name}: its API does not answer")
        objections = engine.objection(name, nodes), kubeconfig_owner.objection(name, nodes)
        obstacles = lacks.obstacle(*(found.message for found in objections if found))
        return obstacles + lacks.together(self._lacks_of_nodes(nodes))

    def create(self) -> None:
        """Resume, start over or create the cluster.

        Raises:
            Problem: As the function `create`.
        """
        name = self.p.cluster_name
        nodes = kind.nodes(name)
        cluster_owner.require_ours(name, nodes)
        engine.require_same(name, nodes)
        kubeconfig_owner.require_free(name, nodes)
        if not nodes or not access.user_has_access(name, nodes):
            kubeconfigs.require_writable()
        if nodes and self._is_kept(nodes):
            provenance.ensure_record(name, self._wanted)
        else:
            self._remove(nodes)
            self._make()
            nodes = kind.nodes(name)
        if not all(node.running for node in nodes):
            set_going(nodes)
            nodes = kind.nodes(name)  # a node that was stopped has its port only once it runs
        access.ensure_access(self.p, nodes, self.tool)
        Condition(f"cluster {name}: its API answers", lambda: self.answers(name), bool).wait(
            self.p.cluster_deadline, hint=f"docker logs {cluster.node_names(name)[0]}"
        )

    def _remove(self, nodes: list[NodeFacts]) -> None:
        """Remove the nodes that are not kept, if any."""
        if nodes:
            kubeconfigs.require_writable()
            kubeconfigs.require_removable(self.p.cluster_name)
            removal.give_back(self.p, nodes, self.lenders)
            self.tool.delete(self.p.cluster_name, self.p)

    def _make(self) -> None:
        name = self.p.cluster_name
        address_plan.check(self.p, self.routes())
        networks.ensure(cluster.NETWORK)
        paths.CONTROLLER.mkdir(parents=True, exist_ok=True)
        wanted = self._wanted
        engine.remember(name)
        self.make_nodes()
        # Written last: if the control plane lacks it, the cluster was never finished.
        provenance.ensure_record(name, wanted)

    def make_nodes(self) -> None:
        """Run kind, and retry while the engine is still making nodes for runs that were killed.

        Raises:
            Problem: kind failed, or nodes appear that are not ours.
        """
        name = self.p.cluster_name
        end = self.clock() + _PATIENCE
        while True:
            try:
                return self.tool.create(name, config.file(name), self.p)
            except kind.NodesExist:
                if self.clock() > end:
                    raise
            cluster_owner.require_ours(name)
            self.tool.delete(name, self.p)

    @cached_property
    def _wanted(self) -> dict[str, str]:
        return provenance.wanted(self.p)

    def _is_as_wanted(self, nodes: list[NodeFacts]) -> bool:
        return (
            not _missing(self.p.cluster_name, nodes)
            and all(node.running for node in nodes)
            and provenance.is_recorded(self.p.cluster_name, self._wanted)
            and access.has_access(self.p.cluster_name, nodes)
        )

    def _lacks_of_nodes(self, nodes: list[NodeFacts]) -> Iterator[Lack]:
        """Yield what a run would do to the nodes, with the decisions that `_is_kept` makes."""
        name = self.p.cluster_name
        disrupted = f"cluster {name} with its running dataflows: it is made again"
        recorded = provenance.recorded(name) if nodes else None
        if recorded is None:
            yield lacks.remade(f"cluster {name}: {'left half made' if nodes else 'not there'}")
            return
        missing = _missing(name, nodes)
        if missing:
            yield Lack((f"cluster {name}: lost {', '.join(missing)}",), disrupts=(disrupted,), remakes=True)
            return
        drift = provenance.drift(recorded, self._wanted)
        if drift:
            yield lacks.remade(*drift)
        for node in nodes:
            yield lacks.unless(node.running, f"node {node.name}: {'paused' if node.paused else 'stopped'}")
        if drift and not self.p.recreate:
            ways = _ways(recorded, self._wanted, "RECREATE=1, or ./doit delete_cluster first")
            yield lacks.obstacle(f"needs consent: {ways}")
        elif drift:
            yield Lack(disrupts=(disrupted,))
        else:
            yield lacks.unless(access.has_access(name, nodes), "kubeconfig: lacks the cluster")
            yield lacks.unless(
                provenance.is_recorded(name, self._wanted), f"cluster {name}: its record is written anew"
            )

    def _is_kept(self, nodes: list[NodeFacts]) -> bool:
        """Return whether the existing nodes are kept.

        Raises:
            Problem: They form a whole cluster that differs from the parameters, and there is no consent to rebuild it.
        """
        name = self.p.cluster_name
        recorded = provenance.recorded(name)
        if recorded is None:
            progress.line(f"Cluster {name} was left half made: starting it over.")
            return False
        missing = _missing(name, nodes)
        if missing:
            progress.line(f"Cluster {name} lost {', '.join(missing)}, and kind adds no node: starting it over.")
            return False
        drift = provenance.drift(recorded, self._wanted)
        if drift and not self.p.recreate:
            raise Problem(
                f"cluster {name} was made from something else, and is not rebuilt without consent: {'; '.join(drift)}",
                hint=_ways(recorded, self._wanted, "RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first"),
            )
        if drift:
            progress.line(f"Cluster {name} is rebuilt (RECREATE=1): {'; '.join(drift)}")
        return not drift


def set_going(nodes: list[NodeFacts]) -> None:
    """Start the nodes that are stopped, and unpause those that are paused.

    Args:
        nodes: The nodes with their current state.

    Raises:
        Problem: The engine refuses to.
    """
    for node in nodes:
        if node.paused:
            progress.line(f"Unpausing node {node.name}, which was paused.")
            docker_containers.unpause(node.name)
        elif not node.running:
            progress.line(f"Starting node {node.name}, which was stopped.")
            docker_containers.start(node.name)


def _ways(recorded: Mapping[str, str], wanted: Mapping[str, str], consent: str) -> str:
    """Return how to go on with a cluster that differs: consent, or the parameters that it was made with."""
    earlier = provenance.kept_by(recorded, wanted)
    return f"{consent}; or keep it as it is: {earlier} in {layers.USER_FILE}" if earlier else consent


def _missing(name: str, nodes: list[NodeFacts]) -> list[str]:
    """Return the names of the nodes that the cluster should have but lacks."""
    return sorted(set(cluster.node_names(name)) - {node.name for node in nodes})

"""A Kubernetes cluster that exists already: nothing of its nodes is touched, and each object made there is marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import access, attachment, manifests
from tasks.patterns import known
from tasks.settings import checks, stages, target
from tasks.settings.parameters import target_rules
from tasks.target import (
    add_ons,
    candidate,
    daemons,
    existing_status,
    fitting,
    gpu_operator,
    kept,
    nodes,
    offers,
    pod_security,
    pulling,
)
from tasks.target.videos import InPod

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.settings.controller import Component
    from tasks.settings.parameters.model import Parameters
    from tasks.target.devices import Worker
    from tasks.target.offers import Missing
    from tasks.target.videos import Videos
    from tasks.target.workloads import Seen


@dataclass(frozen=True)
class ExistingCluster:
    """The existing cluster that the parameters name; the methods are described in `interface`."""

    chosen: Parameters

    @property
    def title(self) -> str:
        """How messages call it."""
        return target_rules.title(self.chosen)

    @property
    def api(self) -> Kube:
        """Its API, with the kubeconfig that `attach` has kept.

        Raises:
            Problem: It is not attached yet.
        """
        return access.cluster(self.chosen.cluster_name)

    @property
    def stages(self) -> Mapping[str, tuple[str, ...]]:
        """The tasks of the parts of the graph that settings.stages names."""
        of_all = stages.STAGES[target.EXISTING]
        return of_all if self._has_functions else {**of_all, stages.SENDER: ()}

    @property
    def _has_functions(self) -> bool:
        return self.chosen.sriov != "none"

    @property
    def looks(self) -> Container[str]:
        """What is looked at on this machine before it is touched: what the user gives."""
        return (checks.VIDEO,)

    @property
    def purposes(self) -> Container[str]:
        """What doctor checks this machine for: purposes of settings.checks."""
        return {*checks.PURPOSES} - {*checks.OF_KIND}

    @property
    def borrows(self) -> bool:
        """Whether devices of this machine are lent to its nodes."""
        return False

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""
        return self._workers_of(self.api.list(manifests.NODE))

    def _workers_of(self, found: list[Object]) -> tuple[str, ...]:
        return nodes.workers(found, self.chosen.target_workers, self.chosen.target_places)

    def status(self) -> Iterator[tuple[str, str]]:
        """Yield what there is, for `./doit status`: a name and a state each; what cannot be seen is no error."""
        return existing_status.rows(self.chosen)

    @property
    def parts(self) -> Mapping[str, Callable[[], Seen]]:
        """What the overview shows, each part after that on which it stands; each may raise Problem."""
        return existing_status.parts(self.chosen)

    def settle_functions(self) -> None:
        """Do nothing: no card of this machine is lent."""

    @property
    def welcome(self) -> tuple[tuple[str, str], ...]:
        """The first commands for a cluster that is not there or not attached; empty if they depend on this machine."""
        return (
            ("doctor --for attach", "the UID, and what attaching takes"),
            ("attach", "with TARGET_UID, which is your consent"),
            ("plan create_cluster_with_all", "what would be made there"),
        )

    @property
    def farewell(self) -> tuple[str, str]:
        """The task that takes everything away, and what it does."""
        return "detach", "delete what is ours there"

    @property
    def videos(self) -> Videos:
        """How videos come into the pod that sends them."""
        return InPod(self.chosen.sriov_resource if self._has_functions else "")

    @property
    def card_nodes(self) -> tuple[str, ...]:
        """The workers, in the order of the blocks of addresses of their second network."""
        return self.workers

    @property
    def network_namespaces(self) -> tuple[str, ...]:
        """The namespaces with a second network: of functions, and of what sends to them."""
        return known.function_namespaces()

    @property
    def static_nodes(self) -> tuple[str, ...]:
        """The workers with a second network whose addresses pods name themselves."""
        return self.workers

    @property
    def functions_each(self) -> int:
        """Virtual functions that each worker has; before it is attached, nothing is known of them."""
        if attachment.load(self.chosen.cluster_name) is None:
            return self.chosen.sriov_num_vfs
        return offers.functions_each(self.api, self.workers, self.chosen)

    def missing(self, need: str) -> tuple[str, ...]:
        """Return what its nodes will not offer; before it is attached, nothing is known of them."""
        if attachment.load(self.chosen.cluster_name) is None:
            return ()
        found = (each for each in self._missing(need) if not each.is_made)
        return tuple(each.phrase for each in found if each.addon not in self.chosen.addons)

    def not_offered(self, need: str) -> tuple[str, ...]:
        """Return what its nodes do not offer, with its add-ons."""
        return tuple(each.phrase for each in self._missing(need))

    def _missing(self, need: str) -> list[Missing]:
        return offers.missing(need, self.api, self.workers, self.chosen)

    def version_of_others(self, addon: str) -> str:
        """Return in which version others have installed an add-on; empty if they have not."""
        return add_ons.of_others(self.api, candidate.owner(self.chosen)).get(addon, "")

    def unfit(self, pattern: Pattern) -> tuple[str, ...]:
        """Return why a pattern cannot run on its workers; before it is attached, TARGET_WORKERS alone are known."""
        if attachment.load(self.chosen.cluster_name) is None:
            named = self.chosen.target_workers
            return tuple(fitting.against(pattern, named)) if named else ()
        if not (pattern.is_placed or pattern.on_gpu or pattern.vfs):
            return ()
        workers, each = self.workers, self.functions_each if pattern.vfs else 0
        placed = [*fitting.against(pattern, workers), *fitting.crowded(pattern, workers, each)]
        return (*placed, *gpu_operator.against(pattern, self.api, workers))

    def notices(self, pattern: Pattern) -> tuple[str, ...]:
        """Return what is otherwise on GPUs that an operator offers."""
        if attachment.load(self.chosen.cluster_name) is None:
            return ()
        return tuple(gpu_operator.notices(pattern, self.api))

    def namespaces(self, names: Iterable[str]) -> list[Object]:
        """Return namespaces with the level of Pod Security that their pods need."""
        return [
            pod_security.with_level(manifests.namespace(name), target.LEVELS.get(name, target.LEVEL_OF_FUNCTIONS))
            for name in names
        ]

    def prepared(self, namespaces: Iterable[str]) -> list[Object]:
        """Return the namespaces, and accounts in them that pull from the registry."""
        names = [*namespaces]
        return [*self.namespaces(names), *pulling.secrets(self._registry, names), *pulling.accounts(self.api, names)]

    def pulling(self, items: list[Object]) -> list[Object]:
        """Return objects whose pods pull from the registry with its credentials."""
        return pulling.prepared(items, self.api, self._registry)

    @property
    def _registry(self) -> str:
        return self.chosen.dci_registry_addr_alt.partition("/")[0]

    def adapted(self, part: Component, items: list[Object]) -> list[Object]:
        """Return the objects of a part of the controller as they run without a file of a node."""
        found = self.api.list(manifests.NODE)
        made = daemons.adapted(part, items, self._workers_of(found), found)
        return self.pulling(pod_security.labelled(made))

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices."""
        return kept.known(self.api, tuple(names), self.chosen.cluster_name)

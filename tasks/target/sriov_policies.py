"""What is asked of the SR-IOV network operator of an existing cluster: one policy for each worker, for its card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.manifests import Kind
from tasks.settings import sriov, target

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters

POLICY = Kind(sriov.VERSION, sriov.POLICY_KIND)
STATE = Kind(sriov.VERSION, sriov.STATE_KIND)

_SHORT = 10
_CONSENT = 16


def name(node: str) -> str:
    """Return the name of the policy for a node."""
    return f"{sriov.NAME}-{manifests.digest(node)[:_SHORT]}"


@dataclass(frozen=True)
class Card:
    """A worker and its physical function, as the cluster knows them.

    Attributes:
        node: The node; empty if it is not there.
        state: Its NodeState; empty if it has none.
        parameter: The parameter that names its physical function.
        interface: Name of the physical function.
        policies: The policies of the cluster.
        owner: Identifier of the owner of this tool's objects.
    """

    node: Object
    state: Object
    parameter: str
    interface: str
    policies: tuple[Object, ...]
    owner: str

    @property
    def node_name(self) -> str:
        """Name of the node."""
        return manifests.name_of(self.node)

    @property
    def status(self) -> Object:
        """What the operator says of the node."""
        return self.state.get("status") or {}

    @property
    def interfaces(self) -> list[Object]:
        """The physical functions that the operator knows on the node."""
        return self.status.get("interfaces") or []

    @cached_property
    def found(self) -> Object:
        """The physical function in the NodeState; empty if it is not there."""
        return next((each for each in self.interfaces if each.get("name") == self.interface), {})

    @property
    def most(self) -> int:
        """How many functions there can be."""
        return int(self.found.get("totalvfs", 0))

    @property
    def link_type(self) -> str:
        """What its link is, in the operator's word; empty if the operator does not say so."""
        return str(self.found.get("linkType", ""))

    @property
    def own(self) -> Object | None:
        """The policy of ours for it, if there is one."""
        ours = (each for each in self.policies if applyset.owner_of(each) == self.owner)
        return next((each for each in ours if manifests.name_of(each) == name(self.node_name)), None)

    @property
    def others(self) -> list[Object]:
        """The policies of others for it."""
        foreign = (each for each in self.policies if applyset.owner_of(each) != self.owner)
        return [each for each in foreign if manifests.name_of(each) != sriov.DEFAULT_POLICY and self._is_selected(each)]

    @property
    def is_external(self) -> bool:
        """Whether its functions were there before any policy of ours, so that the operator must not make them."""
        if self.own and self.own["spec"].get("nicSelector", {}).get("pfNames") == [self.interface]:
            return bool(self.own["spec"].get("externallyManaged"))
        return self.functions > 0

    @property
    def functions(self) -> int:
        """How many functions there are."""
        return int(self.found.get("numVfs", 0))

    def _is_selected(self, policy: Object) -> bool:
        """Return whether all that a policy says of cards and nodes fits; one that says nothing of cards is for none."""
        spec, found = policy["spec"], self.found
        labels = self.node["metadata"].get("labels") or {}
        nics = spec.get("nicSelector") or {}
        names = [each.partition("#")[0] for each in nics.get("pfNames") or ()]
        return bool(nics) and all(
            (
                all(labels.get(key) == value for key, value in (spec.get("nodeSelector") or {}).items()),
                not nics.get("vendor") or nics["vendor"] == found.get("vendor"),
                not nics.get("deviceID") or nics["deviceID"] == found.get("deviceID"),
                not nics.get("rootDevices") or found.get("pciAddress") in nics["rootDevices"],
                not names or self.interface in names,
            )
        )


@dataclass(frozen=True)
class Request:
    """What is asked of the operator of a cluster, beside what is there.

    Attributes:
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.
        owner: Identifier of the owner of this tool's objects.
    """

    cluster: Kube
    workers: tuple[str, ...]
    chosen: Parameters
    owner: str

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """The workers with their physical functions, those for which there is a parameter."""
        nodes = {manifests.name_of(node): node for node in self.cluster.list(manifests.NODE)}
        states = {manifests.name_of(state): state for state in self.cluster.list_if_served(STATE)}
        policies = tuple(self.cluster.list_if_served(POLICY))
        asked = zip(self.workers, sriov.PHYSICAL_FUNCTIONS, strict=False)
        return tuple(
            Card(
                node=nodes[worker],
                state=states.get(worker, {}),
                parameter=parameter,
                interface=getattr(self.chosen, parameter.lower()),
                policies=policies,
                owner=self.owner,
            )
            for worker, parameter in asked
            if worker in nodes
        )

    @property
    def namespace(self) -> str:
        """The namespace of the operator, which is that of its NodeStates; empty if there is none."""
        return next((manifests.namespace_of(card.state) for card in self.cards if card.state), "")

    @property
    def count(self) -> int:
        """How many functions each worker gets."""
        return self.chosen.sriov_num_vfs

    @property
    def resource(self) -> str:
        """What the functions are called, without the operator's prefix."""
        return self.chosen.sriov_resource.partition("/")[2]

    def objects(self) -> list[Object]:
        """Return the policies."""
        return [self._policy(card) for card in self.cards]

    def consent(self) -> str:
        """Return what stands for these very policies in this very cluster."""
        return manifests.digest([self.cluster.identity(), *self.objects()])[:_CONSENT]

    def _policy(self, card: Card) -> Object:
        labels = card.node["metadata"].get("labels") or {}
        spec = {
            "resourceName": self.resource,
            "nodeSelector": {target.HOST_NAME: labels.get(target.HOST_NAME, card.node_name)},
            "nicSelector": {"pfNames": [card.interface]},
            "numVfs": self.count,
            "deviceType": sriov.NETDEVICE,
            # Definitions of older operators do not know the field.
            **({"externallyManaged": True} if card.is_external else {}),
        }
        return {
            "apiVersion": POLICY.api_version,
            "kind": POLICY.name,
            "metadata": {"name": name(card.node_name), "namespace": self.namespace},
            "spec": spec,
        }

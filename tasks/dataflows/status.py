"""What each deployed DataFlow currently consists of: functions, nodes, pods, addresses, connections."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import kinds
from tasks.controller.kinds import DATA_FLOW, ETHERNET_CONNECTION, WB_CONNECTION, WB_FUNCTION, state
from tasks.dataflows import addresses, containers, stand_ins
from tasks.engines.kube import access, api, manifests
from tasks.engines.kube import state as kube_state
from tasks.patterns import known
from tasks.settings import parameters
from tasks.settings.parameters import target_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.settings.parameters.model import Parameters

# Prefix of the keys of a chain's two ends, which are not functions.
_END = "wb-"


@dataclass(frozen=True)
class Function:
    """A function of a DataFlow.

    Attributes:
        key: Its key in the chain.
        state: What the controller says about it.
        node: Node it was placed on.
        pod: Name of its pod; empty if there is none.
        pod_state: "Ready" if the pod is, else its phase.
        address: The pod's address: that of its second interface, if it has one for functions.
        interface: The interface with that address.
        service: Addresses at which other functions and the outside reach it.
    """

    key: str
    state: str
    node: str
    pod: str
    pod_state: str
    address: str
    interface: str
    service: str


@dataclass(frozen=True)
class Connection:
    """A connection between two functions, with what the controller says about it and about its two sides."""

    sender: str
    receiver: str
    state: str
    sender_state: str
    receiver_state: str


@dataclass(frozen=True)
class Deployed:
    """A DataFlow with everything that the controller made for it.

    Attributes:
        name: Its name.
        namespace: Its namespace.
        chain: Name of its FunctionChain.
        state: What the controller says about it.
        functions: Its functions, in order.
        connections: Its connections, in order.
        stand_ins: What it stands on that is not the real thing.
        pattern: The pattern whose tasks are about it; empty if no pattern of this checkout is.
    """

    name: str
    namespace: str
    chain: str
    state: str
    functions: tuple[Function, ...]
    connections: tuple[Connection, ...]
    stand_ins: tuple[str, ...]
    pattern: str


def _nothing(_dataflow: str) -> tuple[str, ...]:
    return ()


def _pattern(namespace: str, dataflow: str) -> str:
    """Return the pattern of this checkout that has a DataFlow; of twins, the first."""
    asked = (namespace, dataflow)
    return next((one.name for one in known.patterns() if (one.namespace, one.dataflow) == asked), "")


@dataclass(frozen=True)
class World:
    """What the cluster holds, read once.

    Attributes:
        objects: The objects, by kind.
        stand_ins: Returns what a DataFlow stands on that is not the real thing.
        pattern: Returns the pattern of a DataFlow, by its namespace and name.
    """

    objects: dict[Kind, list[Object]]
    stand_ins: Callable[[str], tuple[str, ...]] = _nothing
    pattern: Callable[[str, str], str] = _pattern

    def named(self, kind: Kind, namespace: str, prefix: str) -> list[Object]:
        """Return the objects of a namespace whose names begin with the prefix."""
        mine = [item for item in self.objects[kind] if manifests.namespace_of(item) == namespace]
        return [item for item in mine if manifests.name_of(item).startswith(prefix)]


_KINDS = (DATA_FLOW, WB_FUNCTION, WB_CONNECTION, ETHERNET_CONNECTION, manifests.POD, manifests.SERVICE)


def show(*, as_json: bool = False) -> None:
    """Show every deployed DataFlow.

    Args:
        as_json: Show a list of objects instead of tables.

    Raises:
        Problem: There is no cluster, or it does not answer.
    """
    chosen = parameters.current()
    world = replace(read(access.cluster(chosen.cluster_name)), stand_ins=lambda name: _stand_ins(name, chosen))
    if (place := target_rules.title(chosen)) and not as_json:
        progress.line(f"On the {place}:")
    progress.line(shown(flows(world), as_json=as_json))


def _stand_ins(dataflow: str, chosen: Parameters) -> tuple[str, ...]:
    """Return what a DataFlow stands on; twins have the same name and needs."""
    pattern = next((one for one in known.patterns() if one.dataflow == dataflow), None)
    return stand_ins.stand_ins(pattern, chosen)


def read(cluster: Kube) -> World:
    """Return the DataFlows of a cluster and their parts; a cluster without the controller holds none.

    Args:
        cluster: The API.

    Raises:
        Problem: It does not answer.
    """
    return World({kind: _objects(cluster, kind) for kind in _KINDS})


def _objects(cluster: Kube, kind: Kind) -> list[Object]:
    try:
        return cluster.list(kind)
    except api.Refused as refusal:
        if refusal.status == api.ABSENT:
            return []
        raise


def flows(world: World) -> list[Deployed]:
    """Return the DataFlows of a world, sorted by namespace and name."""
    found = [_flow(world, item) for item in world.objects[DATA_FLOW]]
    return sorted(found, key=lambda flow: (flow.namespace, flow.name))


def shown(found: list[Deployed], *, as_json: bool) -> str:
    """Return DataFlows as tables, or as a JSON list of objects."""
    if as_json:
        return json.dumps([asdict(flow) for flow in found], indent=2)
    return "\n\n".join(text(flow) for flow in found) or "No dataflow is deployed"


def text(flow: Deployed) -> str:
    """Return a DataFlow as tables: its functions, then its connections."""
    functions = [("function", "state", "node", "pod", "address", "service")]
    functions += [(one.key, one.state, one.node, one.pod_state, _at(one), one.service) for one in flow.functions]
    connections = [("connection", "state", "sender", "receiver")]
    connections += [
        (f"{one.sender} > {one.receiver}", one.state, one.sender_state, one.receiver_state) for one in flow.connections
    ]
    head = f"{flow.namespace}/{flow.name}: {flow.state} (chain {flow.chain}); {stand_ins.phrase(flow.stand_ins)}"
    by_hand = f"no valid pattern here is about it: ./doit kubectl delete -n {flow.namespace} dataflow {flow.name}"
    rows = [head, *([] if flow.pattern else [by_hand]), progress.table(functions), progress.table(connections)]
    return "\n".join(rows)


def _at(function: Function) -> str:
    """Return the address of a function, with its interface if that is not the first."""
    return f"{function.address} ({function.interface})" if function.interface == addresses.SECOND else function.address


def _flow(world: World, item: Object) -> Deployed:
    namespace, name = manifests.namespace_of(item), manifests.name_of(item)
    functions = world.named(WB_FUNCTION, namespace, kinds.function_name(name))
    ordered = sorted(
        functions, key=lambda one: (_place(item, _key(name, manifests.name_of(one))), one["metadata"]["name"])
    )
    connections = _connections(world, namespace, name)
    return Deployed(
        name=name,
        namespace=namespace,
        chain=str(item["spec"].get("functionChainRef", {}).get("name", "")),
        state=state(item),
        functions=tuple(_function(world, name, one) for one in ordered),
        connections=tuple(sorted(connections, key=lambda one: _place(item, one.sender))),
        stand_ins=world.stand_ins(name),
        pattern=world.pattern(namespace, name),
    )


def _place(flow: Object, key: str) -> int:
    """Return the position of a function in its chain; if the controller does not say, it is the last."""
    scheduled = flow.get("status", {}).get("scheduledConnections") or []
    order = [connection["to"]["functionKey"] for connection in scheduled]
    return order.index(key) if key in order else len(order)


def _function(world: World, flow: str, item: Object) -> Function:
    namespace, name = manifests.namespace_of(item), manifests.name_of(item)
    pods = world.named(manifests.POD, namespace, f"{name}-")
    pod = next((each for each in pods if containers.is_pod_of(manifests.name_of(each), name)), {})
    status = pod.get("status", {})
    second = addresses.second(pod) if pod else ""
    services = world.named(manifests.SERVICE, namespace, f"{name}-service")
    return Function(
        key=_key(flow, name),
        state=state(item),
        node=str(item["spec"].get("nodeName") or pod.get("spec", {}).get("nodeName", "")),
        pod=manifests.name_of(pod) if pod else "",
        pod_state="Ready" if pod and kube_state.is_pod_ready(pod) else str(status.get("phase", "no pod")),
        address=second or str(status.get("podIP", "")),
        interface=addresses.SECOND if second else "eth0",
        service=", ".join(address for service in services for address in _addresses(service)),
    )


def _addresses(service: Object) -> list[str]:
    """Return a Service's addresses with their ports: inside the cluster and, if there are any, outside."""
    ports = ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in service["spec"].get("ports", []))
    outside = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    known = [service["spec"].get("clusterIP", ""), *(entry.get("ip", "") for entry in outside)]
    return [f"{address}:{ports}" for address in known if address and address != "None"]


def _connections(world: World, namespace: str, flow: str) -> list[Connection]:
    prefix = kinds.connection_prefix(flow)
    details = {
        manifests.name_of(item): item.get("status", {}) for item in world.named(ETHERNET_CONNECTION, namespace, prefix)
    }
    found = [
        _connection(flow, item, details.get(manifests.name_of(item), {}))
        for item in world.named(WB_CONNECTION, namespace, prefix)
    ]
    return [one for one in found if one.sender and one.receiver]


def _connection(flow: str, item: Object, details: Object) -> Connection:
    return Connection(
        sender=_end(flow, item, "from"),
        receiver=_end(flow, item, "to"),
        state=state(item),
        sender_state=str(details.get("from", {}).get("status", "")),
        receiver_state=str(details.get("to", {}).get("status", "")),
    )


def _end(flow: str, connection: Object, side: str) -> str:
    """Return the key of the function at one side of a connection; an empty string for an end of the chain."""
    name = str(connection["spec"].get(side, {}).get("wbFunctionRef", {}).get("name", ""))
    key = _key(flow, name)
    return "" if key.startswith(_END) else key


def _key(flow: str, function: str) -> str:
    return function.removeprefix(kinds.function_name(flow))

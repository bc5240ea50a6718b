"""The EthernetConnection daemon: Services in front of the functions of its node, and the next hop of each."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from . import names
from .api import Api, Body, ensure_owned, is_deleting, let_go, owned_by, status_of, with_finalizer
from .context import AT_ONCE, SOON, Context, Delay, Role

_LOAD_BALANCER, _CLUSTER_IP = "LoadBalancer", "ClusterIP"
# The Service in front of a function, by its network; with a virtual function, it is reached without one.
_SERVICES = {names.CLUSTER_IP: _CLUSTER_IP, names.LOAD_BALANCER: _LOAD_BALANCER}
_FUNCTIONS = ("cpufunctions", "gpufunctions")
_PORT = ("port", "protocol")


def reconcile(context: Context, namespace: str, name: str) -> Delay:
    """Prepare the ends of a connection that are on this node; the daemon that sees both ready reports it."""
    connection = context.api.get("ethernetconnections", namespace, name)
    if connection is None:
        return None
    if is_deleting(connection):
        return let_go(context.api, "ethernetconnections", connection)
    return None if status_of(connection) == names.RUNNING else _connect(context.api, context.node, connection)


def _connect(api: Api, node: str, connection: Body) -> Delay:
    sender, receiver = (_function_at(api, connection["spec"][side]) for side in ("from", "to"))
    if sender is None or receiver is None:
        return SOON
    nodes = {"to": receiver["spec"]["nodeName"], "from": sender["spec"]["nodeName"]}
    if node not in nodes.values():
        return None
    waiting = [side for side in nodes if _side_status(connection, side) != names.OK]
    if not waiting:
        return _finish(api, connection)
    for side in waiting:
        if nodes[side] == node and _PREPARE[side](api, connection, sender, receiver):
            return _report(api, connection, side)
    return SOON


def _function_at(api: Api, end: Body) -> Body | None:
    reference = end["wbFunctionRef"]
    for resource in _FUNCTIONS:
        function = api.get(resource, reference["namespace"], reference["name"])
        if function:
            return function if status_of(function) == names.RUNNING else None
    return None


def _prepare_receiver(api: Api, connection: Body, _sender: Body, receiver: Body) -> bool:
    pod = _pod_of(api, receiver)
    if pod is None:
        return False
    kind = _SERVICES.get(network_of(pod))
    if kind and not ensure_owned(api, "services", service_body(connection, receiver, pod, kind)):
        return False
    is_last = not receiver["spec"].get("nextFunctions")
    return not is_last or ensure_owned(api, "configmaps", forwarding_body(connection, pod, {}))


def _prepare_sender(api: Api, connection: Body, sender: Body, receiver: Body) -> bool:
    pod, hop = _pod_of(api, sender), _next_hop(api, receiver)
    if pod is None or hop is None:
        return False
    if not ensure_owned(api, "configmaps", forwarding_body(connection, pod, hop)):
        return False
    is_offered = not sender["spec"].get("previousFunctions") and network_of(pod) in _SERVICES
    return not is_offered or ensure_owned(api, "services", service_body(connection, sender, pod, _LOAD_BALANCER))


_PREPARE = {"to": _prepare_receiver, "from": _prepare_sender}


def network_of(pod: Body) -> str:
    """Return how a function is reached: ``clusterip``, ``loadbalancer`` or ``sriov``."""
    network: str = pod["metadata"].get("annotations", {}).get(names.NETWORK_ANNOTATION, names.CLUSTER_IP)
    return network


def _next_hop(api: Api, receiver: Body) -> Body | None:
    """Return what the sidecar of a sender is told about the next hop; None while its addresses are not known."""
    metadata, pod = receiver["metadata"], _pod_of(api, receiver)
    if pod is None:
        return None
    if network_of(pod) == names.SRIOV:
        addresses, ports = virtual_function_addresses(pod), ports_of(pod)
    else:
        service = api.get("services", metadata["namespace"], names.service(metadata["name"]))
        addresses, ports = (addresses_of(service), service["spec"]["ports"]) if service else ([], [])
    if not addresses:
        return None
    return {"ips": addresses, "ports": [{field: each[field] for field in _PORT} for each in ports]}


def virtual_function_addresses(pod: Body) -> list[str]:
    """Return the addresses of a pod's virtual functions, as Multus reports them; none before it does."""
    answer = pod["metadata"].get("annotations", {}).get(names.NETWORK_STATUS_ANNOTATION, "[]")
    return [address for each in json.loads(answer) if _is_virtual_function(each) for address in each.get("ips", [])]


def _is_virtual_function(network: Body) -> bool:
    device = network.get("device-info") or {}
    return bool(network.get("interface") and network.get("mac") and device.get("type") == "pci")


def ports_of(pod: Body) -> list[Body]:
    """Return every port of a pod's containers."""
    return [
        {"port": each["containerPort"], "protocol": each.get("protocol", "TCP")}
        for container in pod["spec"]["containers"]
        for each in container.get("ports", [])
    ]


def service_body(connection: Body, function: Body, pod: Body, kind: str) -> Body:
    """Return the Service in front of a function's pod, for every port of its containers."""
    annotations = {names.ADDRESS_POOL_ANNOTATION: names.ADDRESS_POOL} if kind == _LOAD_BALANCER else {}
    labels = pod["metadata"]["labels"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_by(connection, names.service(function["metadata"]["name"]), annotations=annotations),
        "spec": {
            "type": kind,
            "selector": {label: labels[label] for label in (names.FUNCTION_TYPE_LABEL, names.FUNCTION_NAME_LABEL)},
            "ports": [{"name": f"port-{each['port']}", **each} for each in ports_of(pod)],
        },
    }


def addresses_of(service: Body) -> list[str]:
    """Return the addresses at which a Service is reached; none while its load balancer assigns none."""
    if service["spec"]["type"] == _LOAD_BALANCER:
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        return [each["ip"] for each in ingress]
    return [service["spec"]["clusterIP"]]


def forwarding_body(connection: Body, pod: Body, hop: Body) -> Body:
    """Return the ConfigMap ``ethcrl.<pod>``."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": owned_by(connection, names.forwarding(pod["metadata"]["name"])),
        "data": {"config": json.dumps(hop, indent=2)},
    }


def _pod_of(api: Api, function: Body) -> Body | None:
    return api.get("pods", function["metadata"]["namespace"], function["status"]["podName"])


def _side_status(connection: Body, side: str) -> str:
    word: str = ((connection.get("status") or {}).get(side) or {}).get("status", "")
    return word


def _report(api: Api, connection: Body, side: str) -> Delay:
    metadata = connection["metadata"]
    status = {side: {"status": names.OK, "wbFunctionRef": connection["spec"][side]["wbFunctionRef"]}}
    api.patch("ethernetconnections", metadata["namespace"], metadata["name"], {"status": status})
    return AT_ONCE


def _finish(api: Api, connection: Body) -> Delay:
    metadata = connection["metadata"]
    status = {
        "status": names.RUNNING,
        "dataFlowRef": connection["spec"]["dataFlowRef"],
        "startTime": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    patch = {"metadata": with_finalizer(connection), "status": status}
    api.patch("ethernetconnections", metadata["namespace"], metadata["name"], patch)
    return None


ROLE = Role(prepare=lambda context: context, reconcilers={"ethernetconnections": reconcile})

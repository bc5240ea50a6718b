"""The EthernetConnection daemon: Services in front of the functions of its node, and the next hop of each."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from . import names
from .api import Api, Body, ensure_owned, is_deleting, let_go, owned_by, status_of, with_finalizer
from .context import AT_ONCE, SOON, Context, Delay, Role

_LOAD_BALANCER, _CLUSTER_IP = "LoadBalancer", "ClusterIP"


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
    function = api.get("cpufunctions", reference["namespace"], reference["name"])
    return function if function and status_of(function) == names.RUNNING else None


def _prepare_receiver(api: Api, connection: Body, _sender: Body, receiver: Body) -> bool:
    pod = _pod_of(api, receiver)
    if pod is None:
        return False
    network = pod["metadata"].get("annotations", {}).get(names.NETWORK_ANNOTATION, "clusterip")
    kind = _LOAD_BALANCER if network == "loadbalancer" else _CLUSTER_IP
    if not ensure_owned(api, "services", service_body(connection, receiver, pod, kind)):
        return False
    is_last = not receiver["spec"].get("nextFunctions")
    return not is_last or ensure_owned(api, "configmaps", forwarding_body(connection, pod, {}))


def _prepare_sender(api: Api, connection: Body, sender: Body, receiver: Body) -> bool:
    metadata = receiver["metadata"]
    pod = _pod_of(api, sender)
    service = api.get("services", metadata["namespace"], names.service(metadata["name"]))
    addresses = addresses_of(service) if service else []
    if pod is None or not addresses:
        return False
    if not ensure_owned(api, "configmaps", forwarding_body(connection, pod, next_hop(service or {}, addresses))):
        return False
    is_first = not sender["spec"].get("previousFunctions")
    return not is_first or ensure_owned(api, "services", service_body(connection, sender, pod, _LOAD_BALANCER))


_PREPARE = {"to": _prepare_receiver, "from": _prepare_sender}


def service_body(connection: Body, function: Body, pod: Body, kind: str) -> Body:
    """Return the Service in front of a function's pod, for every port of its containers."""
    annotations = {names.ADDRESS_POOL_ANNOTATION: names.ADDRESS_POOL} if kind == _LOAD_BALANCER else {}
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
    labels = pod["metadata"]["labels"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_by(connection, names.service(function["metadata"]["name"]), annotations=annotations),
        "spec": {
            "type": kind,
            "selector": {label: labels[label] for label in ("swb/func-type", "swb/func-name")},
            "ports": [
                {
                    "name": f"port-{each['containerPort']}",
                    "port": each["containerPort"],
                    "protocol": each.get("protocol", "TCP"),
                }
                for each in ports
            ],
        },
    }


def addresses_of(service: Body) -> list[str]:
    """Return the addresses at which a Service is reached; none while its load balancer assigns none."""
    if service["spec"]["type"] == _LOAD_BALANCER:
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        return [each["ip"] for each in ingress]
    return [service["spec"]["clusterIP"]]


def next_hop(service: Body, addresses: list[str]) -> Body:
    """Return what the sidecar of a sender is told about the next hop."""
    ports = [{"port": each["port"], "protocol": each["protocol"]} for each in service["spec"]["ports"]]
    return {"ips": addresses, "ports": ports}


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

"""The parts of a scheduled DataFlow: its WBFunctions and WBConnections."""

from __future__ import annotations

from . import names
from .api import (
    Body,
    custom_resource,
    owned_by,
)


def wbfunction_body(flow: Body, key: str, item: Body) -> Body:
    """Return the WBFunction for one key.

    Args:
        flow: the scheduled DataFlow.
        key: the function's key in the chain.
        item: the deployable item of its function info, with the item's ``spec`` looked up.
    """
    metadata, status = flow["metadata"], flow["status"]
    spec = {
        "dataFlowRef": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "functionName": status["functionChain"]["spec"]["functions"][key]["functionName"],
        "configName": item["configName"].replace("_", "-"),
        "requirements": {"capacity": capacity_of(flow)},
        **status["scheduledFunctions"][key],
    }
    limits = {"maxDataFlows": "maxDataFlowsBase", "maxCapacity": "maxCapacityBase"}
    spec |= {limit: item["spec"][base] for limit, base in limits.items() if base in item["spec"]}
    for direction, this, other in (("nextWBFunctions", "from", "to"), ("previousWBFunctions", "to", "from")):
        neighbours = {
            str(each[this]["port"]): _function_end(flow, each[other])
            for each in status["scheduledConnections"]
            if each[this]["functionKey"] == key and each[other]["functionKey"] in status["scheduledFunctions"]
        }
        if neighbours:
            spec[direction] = neighbours
    return custom_resource("WBFunction", owned_by(flow, names.wbfunction(metadata["name"], key)), spec)


def wbconnection_body(flow: Body, connection: Body) -> Body:
    """Return the WBConnection for one scheduled connection."""
    metadata = flow["metadata"]
    name = names.wbconnection(metadata["name"], connection["from"]["functionKey"], connection["to"]["functionKey"])
    spec = {
        "dataFlowRef": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "connectionMethod": connection["connectionMethod"],
        "from": _function_end(flow, connection["from"]),
        "to": _function_end(flow, connection["to"]),
    }
    return custom_resource("WBConnection", owned_by(flow, name), spec)


def capacity_of(flow: Body) -> int:
    """Return the capacity that each function of a DataFlow takes from its target."""
    capacity: int = flow["spec"].get("requirements", {}).get("all", {}).get("capacity", 0)
    return capacity


def _function_end(flow: Body, end: Body) -> Body:
    key = end["functionKey"]
    inside = key in flow["status"]["scheduledFunctions"]
    name = names.wbfunction(flow["metadata"]["name"], key) if inside else key
    return {"port": end["port"], "wbFunctionRef": {"name": name, "namespace": flow["metadata"]["namespace"]}}

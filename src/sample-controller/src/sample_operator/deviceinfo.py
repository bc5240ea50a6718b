"""The DeviceInfo daemon: keeps the books of what runs in the regions of its node."""

from __future__ import annotations

import copy
import logging

from . import names
from .api import Api, Body, has_finalizer, is_deleting, let_go, with_finalizer
from .context import AT_ONCE, LATER, Context, Delay, Role, config_json

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request does not fit the books."""


def publish_node(context: Context) -> Context:
    """Open the books of the node, unless they are open already: bookings outlive the daemon.

    Raises:
        LookupError: a ConfigMap of the inventory is missing.
    """
    infrastructure = config_json(context.api, "infrastructureinfo")["devices"]
    deployment = config_json(context.api, "deployinfo")["devices"]
    regions = regions_of(context.node, infrastructure, deployment)
    body = {
        "apiVersion": names.GROUP_VERSION,
        "kind": "ComputeResource",
        "metadata": {"name": names.compute_resource(context.node), "namespace": names.CONFIG_NAMESPACE},
        "spec": {"nodeName": context.node, "regions": regions},
        "status": {"nodeName": context.node, "regions": regions},
    }
    if not context.api.create("computeresources", body):
        log.info("%s exists already: its bookings stay", body["metadata"])
    return context


def regions_of(node: str, infrastructure: list[Body], deployment: list[Body]) -> list[Body]:
    """Return the regions of a node's devices, with nothing booked.

    Args:
        node: the node.
        infrastructure: devices of the ConfigMap ``infrastructureinfo``.
        deployment: devices of the ConfigMap ``deployinfo``, with how much each takes.
    """
    targets = {each["deviceUUID"]: each["functionTargets"] for each in deployment if each["nodeName"] == node}
    return [
        {
            "name": target["regionName"],
            "type": target["regionType"],
            "deviceType": device["deviceType"],
            "deviceIndex": device["deviceIndex"],
            "deviceUUID": device["deviceUUID"],
            "deviceFilePath": "",
            "available": True,
            "status": names.READY,
            "maxFunctions": target["maxFunctions"],
            "currentFunctions": 0,
            "maxCapacity": target["maxCapacity"],
            "currentCapacity": 0,
        }
        for device in infrastructure
        if device["nodeName"] == node and device["deviceType"] != "memory"
        for target in targets.get(device["deviceUUID"], [])
    ]


def reconcile(context: Context, namespace: str, name: str) -> Delay:
    """Answer a request about this node, once."""
    info = context.api.get("deviceinfoes", namespace, name)
    if info is None or info["spec"]["request"]["nodeName"] != context.node:
        return None
    if is_deleting(info):
        return let_go(context.api, "deviceinfoes", info)
    if has_finalizer(info):
        return None
    books = context.api.get("computeresources", names.CONFIG_NAMESPACE, names.compute_resource(context.node))
    if books is None:
        log.error(
            "ComputeResource %s is gone: restart this daemon to open it again", names.compute_resource(context.node)
        )
        return LATER
    context.api.patch(
        "deviceinfoes", namespace, name, {"metadata": with_finalizer(info), "status": _answer(context.api, books, info)}
    )
    return AT_ONCE


def _answer(api: Api, books: Body, info: Body) -> Body:
    request = info["spec"]["request"]
    try:
        regions = booked(books["status"]["regions"], request)
    except RefusedError as error:
        log.warning("DeviceInfo %s: %s", info["metadata"]["name"], error)
        return {"response": {"status": names.ERROR}}
    content = {"regions": regions}
    version = {"resourceVersion": books["metadata"]["resourceVersion"]}
    api.patch(
        "computeresources",
        books["metadata"]["namespace"],
        books["metadata"]["name"],
        {"metadata": version, "spec": content, "status": content},
    )
    region = _find_region(regions, request)
    word = names.DEPLOYED if request["requestType"] == names.DEPLOY else names.UNDEPLOYED
    return {"response": {"status": word, "functionIndex": request["functionIndex"], "deviceUUID": region["deviceUUID"]}}


def booked(regions: list[Body], request: Body) -> list[Body]:
    """Return the regions after a request; a repeated request changes nothing.

    Raises:
        RefusedError: there is no such region, or it has no capacity left.
    """
    regions = copy.deepcopy(regions)
    region = _find_region(regions, request)
    entries = {each["functionIndex"]: each for each in region.get("functions", [])}
    index, capacity = request["functionIndex"], request.get("capacity", 0)
    if request["requestType"] == names.UNDEPLOY:
        freed = entries.pop(index, None)
        region["currentCapacity"] -= freed["currentCapacity"] if freed else 0
    elif index not in entries:
        if region["currentFunctions"] + 1 > region["maxFunctions"]:
            raise RefusedError(f"region {region['name']} is full: {region['maxFunctions']} functions")
        if region["currentCapacity"] + capacity > region["maxCapacity"]:
            raise RefusedError(f"region {region['name']} has no capacity {capacity} left of {region['maxCapacity']}")
        region["currentCapacity"] += capacity
        entries[index] = _entry(region, request)
    region["functions"] = list(entries.values())
    region["currentFunctions"] = len(entries)
    room = region["currentFunctions"] < region["maxFunctions"] and region["currentCapacity"] < region["maxCapacity"]
    region["available"] = room
    return regions


def _entry(region: Body, request: Body) -> Body:
    limits: Body = {limit: request[limit] for limit in ("maxDataFlows", "maxCapacity") if limit in request}
    return {
        "functionIndex": request["functionIndex"],
        "functionName": request["functionName"],
        "partitionName": region["deviceUUID"],
        "available": False,
        "currentDataFlows": 1,
        "currentCapacity": request.get("capacity", 0),
        **limits,
    }


def _find_region(regions: list[Body], request: Body) -> Body:
    wanted = (request["regionName"], request["deviceType"], request["deviceIndex"])
    for region in regions:
        if (region["name"], region["deviceType"], region["deviceIndex"]) == wanted:
            return region
    raise RefusedError(f"no region {request['regionName']} of {request['deviceType']}-{request['deviceIndex']}")


ROLE = Role(prepare=publish_node, reconcilers={"deviceinfoes": reconcile})

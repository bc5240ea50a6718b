"""The flow controller: targets, types, chains, and a DataFlow's way from its chain to its functions."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from typing import Any

import yaml

from . import names
from .api import (
    Api,
    Body,
    ensure_owned,
    has_finalizer,
    is_deleting,
    let_go,
    owned_by,
    status_of,
    with_finalizer,
)
from .context import AT_ONCE, LATER, NO_CAPACITY_SECONDS, SOON, Context, Delay, Role
from .placement import NoPlaceError, Target, Wanted, keys_in_order, place, usable_targets

log = logging.getLogger(__name__)

_FILTER_PIPELINE = ["GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore"]
_CONNECTION_METHOD = "host-100gether"
_REGION_FIELDS = [
    "deviceType",
    "deviceIndex",
    "available",
    "status",
    "maxFunctions",
    "currentFunctions",
    "maxCapacity",
    "currentCapacity",
    "functions",
]
# One scheduling at a time: two would hand out the same capacity.
_scheduling = threading.Lock()


def reconcile_compute_resource(context: Context, namespace: str, name: str) -> Delay:
    """Publish each region of a node as a FunctionTarget."""
    resource = context.api.get("computeresources", namespace, name)
    if resource is None or is_deleting(resource):
        return None
    node = resource["spec"]["nodeName"]
    for region in (resource.get("status") or {}).get("regions", []):
        target = names.function_target(node, region["deviceType"], region["deviceIndex"], region["name"])
        reference = {"computeResourceRef": {"name": name, "namespace": namespace}}
        if not ensure_owned(
            context.api, "functiontargets", _object("FunctionTarget", owned_by(resource, target), reference)
        ):
            return LATER
        status = {field: region[field] for field in _REGION_FIELDS if field in region}
        status |= {"nodeName": node, "regionName": region["name"], "regionType": region["type"]}
        context.api.patch("functiontargets", namespace, target, {"status": status})
    return None


def reconcile_function_type(context: Context, namespace: str, name: str) -> Delay:
    """Judge a FunctionType by the region types of its function info; without one it gets no status."""
    function_type = context.api.get("functiontypes", namespace, name)
    if function_type is None:
        return None
    reference = function_type["spec"]["functionInfoCMRef"]
    info = context.api.get("configmaps", reference["namespace"], reference["name"])
    if info is None:
        log.error("FunctionType %s/%s: no ConfigMap %s/%s", namespace, name, reference["namespace"], reference["name"])
        return None
    regions = sorted({item["regionType"] for item in _deployable_items(info) if item.get("regionType")})
    status = {"status": names.READY if regions else names.ERROR, "regionTypeCandidates": regions}
    if function_type.get("status") != status:
        context.api.patch("functiontypes", namespace, name, {"status": status})
    return None


def reconcile_function_chain(context: Context, namespace: str, name: str) -> Delay:
    """Judge a FunctionChain by the types as they are at this moment; nothing but a change of it judges again."""
    chain = context.api.get("functionchains", namespace, name)
    if chain is None:
        return None
    fault = chain_fault(chain["spec"], context.api.list("functiontypes"))
    if fault:
        log.error("FunctionChain %s/%s: %s", namespace, name, fault)
    word = names.ERROR if fault else names.READY
    if status_of(chain) != word:
        context.api.patch("functionchains", namespace, name, {"status": {"status": word}})
    return None


def chain_fault(spec: Body, function_types: list[Body]) -> str:
    """Why a chain cannot be used, or an empty string."""
    types = _types_by_function(spec, function_types)
    for function in spec["functions"].values():
        version = (function["functionName"], function["version"])
        if version not in types:
            return f"function {version[0]}({version[1]}) was not found"
        if status_of(types[version]) != names.READY:
            return f"function {version[0]}({version[1]}) is not Ready"
    for side in ("from", "to"):
        ends = Counter((each[side]["functionKey"], each[side]["port"]) for each in spec["connections"])
        for (key, port), times in ends.items():
            if times > 1:
                return f"{side} {key} uses port {port} {times} times"
    return ""


def reconcile_data_flow(context: Context, namespace: str, name: str) -> Delay:
    """Move a DataFlow one status further, or release it."""
    flow = context.api.get("dataflows", namespace, name)
    if flow is None:
        return None
    if is_deleting(flow):
        return _release(context.api, flow)
    if not has_finalizer(flow):
        context.api.patch("dataflows", namespace, name, {"metadata": with_finalizer(flow)})
        return AT_ONCE
    step = _STEPS.get(status_of(flow))
    return step(context.api, flow) if step else None


def _admit(api: Api, flow: Body) -> Delay:
    reference = flow["spec"]["functionChainRef"]
    chain = api.get("functionchains", reference["namespace"], reference["name"])
    if chain is None or status_of(chain) != names.READY:
        log.error("DataFlow %s: FunctionChain %s is not Ready", flow["metadata"]["name"], reference["name"])
        return _set_status(api, flow, {"status": names.ERROR})
    types = _types_by_function(chain["spec"], api.list("functiontypes"))
    status = {
        "status": names.SCHEDULING,
        "functionChain": {"metadata": {"name": reference["name"]}, "spec": chain["spec"], "status": chain["status"]},
        "functionType": [{"spec": each["spec"], "status": each["status"]} for each in types.values()],
    }
    return _set_status(api, flow, status)


def _schedule(api: Api, flow: Body) -> Delay:
    with _scheduling:
        if any(
            data["metadata"].get("ownerReferences", [{}])[0].get("uid") != flow["metadata"]["uid"]
            for data in api.list("schedulingdata")
        ):
            return LATER
        strategy, requested_nodes = _user_requirement(api, flow)
        metadata = owned_by(flow, flow["metadata"]["name"])
        pipeline = {"filterPipeline": strategy.get("filterPipeline", _FILTER_PIPELINE)}
        api.create("schedulingdata", _object("SchedulingData", metadata, pipeline))
        chain = flow["status"]["functionChain"]["spec"]
        types = _types_by_function(chain, flow["status"]["functionType"])
        region_types = {
            key: set(types[each["functionName"], each["version"]]["status"]["regionTypeCandidates"])
            for key, each in chain["functions"].items()
        }
        order = keys_in_order(chain["connections"])
        functions = [Wanted(key, region_types[key], requested_nodes.get(key)) for key in order]
        try:
            chosen = place(functions, _free_targets(api), capacity_of(flow))
        except NoPlaceError as error:
            log.warning("DataFlow %s: %s", flow["metadata"]["name"], error)
            _drop_scheduling_data(api, flow)
            return NO_CAPACITY_SECONDS
        return _set_status(api, flow, {"status": names.CREATING, **scheduled(chain, chosen)})


def scheduled(chain: Body, chosen: dict[str, Target]) -> Body:
    """The part of a DataFlow's status that says what runs where and how it is connected."""
    functions = {
        key: {
            "nodeName": target.node,
            "deviceType": target.device_type,
            "deviceIndex": target.device_index,
            "regionName": target.region,
        }
        for key, target in chosen.items()
    }
    connections = [
        {"connectionMethod": _CONNECTION_METHOD, "from": each["from"], "to": each["to"]}
        for each in chain["connections"]
    ]
    return {"scheduledFunctions": functions, "scheduledConnections": connections}


def _create_children(api: Api, flow: Body) -> Delay:
    _drop_scheduling_data(api, flow)
    items = {key: _deployable_item(api, flow, key) for key in flow["status"]["scheduledFunctions"]}
    if None in items.values():
        missing = [key for key, item in items.items() if item is None]
        log.error("DataFlow %s: no function info for %s", flow["metadata"]["name"], ", ".join(missing))
        return _set_status(api, flow, {"status": names.ERROR})
    children = [
        *(("wbfunctions", wbfunction_body(flow, key, item)) for key, item in items.items() if item),
        *(("wbconnections", wbconnection_body(flow, each)) for each in flow["status"]["scheduledConnections"]),
    ]
    if not all(ensure_owned(api, resource, body) for resource, body in children):
        return LATER
    return _set_status(api, flow, {"status": names.CREATED})


def _await_children(api: Api, flow: Body) -> Delay:
    words = [
        status_of(child) for resource in ("wbfunctions", "wbconnections") for child in _children(api, flow, resource)
    ]
    if set(words) != {names.DEPLOYED}:
        return SOON
    return _set_status(api, flow, {"status": names.DEPLOYED})


def _release(api: Api, flow: Body) -> Delay:
    metadata = flow["metadata"]
    # Functions go after the connections between them.
    for resource in ("wbconnections", "wbfunctions"):
        children = _children(api, flow, resource)
        for child in children:
            if not is_deleting(child):
                api.delete(resource, metadata["namespace"], child["metadata"]["name"])
        if children:
            return SOON
    return let_go(api, "dataflows", flow)


_STEPS = {
    "": _admit,
    names.SCHEDULING: _schedule,
    names.CREATING: _create_children,
    names.CREATED: _await_children,
}


def wbfunction_body(flow: Body, key: str, item: Body) -> Body:
    """The WBFunction of one key.

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
    return _object("WBFunction", owned_by(flow, names.wbfunction(metadata["name"], key)), spec)


def wbconnection_body(flow: Body, connection: Body) -> Body:
    """The WBConnection of one scheduled connection."""
    metadata = flow["metadata"]
    name = names.wbconnection(metadata["name"], connection["from"]["functionKey"], connection["to"]["functionKey"])
    spec = {
        "dataFlowRef": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "connectionMethod": connection["connectionMethod"],
        "from": _function_end(flow, connection["from"]),
        "to": _function_end(flow, connection["to"]),
    }
    return _object("WBConnection", owned_by(flow, name), spec)


def capacity_of(flow: Body) -> int:
    """What each function of a DataFlow takes of its target."""
    capacity: int = flow["spec"].get("requirements", {}).get("all", {}).get("capacity", 0)
    return capacity


def _function_end(flow: Body, end: Body) -> Body:
    key = end["functionKey"]
    inside = key in flow["status"]["scheduledFunctions"]
    name = names.wbfunction(flow["metadata"]["name"], key) if inside else key
    return {"port": end["port"], "wbFunctionRef": {"name": name, "namespace": flow["metadata"]["namespace"]}}


def _object(kind: str, metadata: Body, spec: Body) -> Body:
    return {"apiVersion": names.GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _set_status(api: Api, flow: Body, status: Body) -> Delay:
    api.patch("dataflows", flow["metadata"]["namespace"], flow["metadata"]["name"], {"status": status})
    return AT_ONCE


def _types_by_function(chain: Body, function_types: list[Body]) -> dict[tuple[str, str], Body]:
    wanted = {(each["functionName"], each["version"]) for each in chain["functions"].values()}
    found = {
        (each["spec"]["functionName"], each["spec"]["version"]): each
        for each in function_types
        if each.get("metadata", {}).get("namespace", chain["functionTypeNamespace"]) == chain["functionTypeNamespace"]
    }
    return {version: each for version, each in found.items() if version in wanted}


def _deployable_items(info: Body) -> list[Body]:
    items: list[Body] = json.loads(info.get("data", {}).get("deployableItems", "[]"))
    return items


def _deployable_item(api: Api, flow: Body, key: str) -> Body | None:
    place_of = flow["status"]["scheduledFunctions"][key]
    target_name = names.function_target(
        place_of["nodeName"], place_of["deviceType"], place_of["deviceIndex"], place_of["regionName"]
    )
    target = api.get("functiontargets", names.CONFIG_NAMESPACE, target_name)
    chain = flow["status"]["functionChain"]["spec"]
    function = chain["functions"][key]
    types = _types_by_function(chain, flow["status"]["functionType"])
    reference = types[function["functionName"], function["version"]]["spec"]["functionInfoCMRef"]
    info = api.get("configmaps", reference["namespace"], reference["name"])
    if target is None or info is None:
        return None
    specs = {each["name"]: each for each in json.loads(info["data"].get("spec", "[]"))}
    for item in _deployable_items(info):
        if item["regionType"] == target["status"]["regionType"]:
            return item | {"spec": specs.get(item.get("specName"), {})}
    return None


def _user_requirement(api: Api, flow: Body) -> tuple[Body, dict[str, list[str]]]:
    requirement = _user_config(api, flow, flow["spec"].get("userRequirement", ""))
    strategy = _user_config(api, flow, requirement.get("strategy", ""))
    return strategy, requirement.get("requestNodeNames", {})


def _user_config(api: Api, flow: Body, name: str) -> Body:
    for namespace in (flow["metadata"]["namespace"], names.CONFIG_NAMESPACE):
        body = api.get("configmaps", namespace, name) if name else None
        if body is not None:
            return {key: yaml.safe_load(value) for key, value in body.get("data", {}).items()}
    return {}


def _free_targets(api: Api) -> list[Target]:
    targets = {
        each.place: each for each in usable_targets(body.get("status", {}) for body in api.list("functiontargets"))
    }
    # What other flows were promised is not on the books of their nodes yet.
    for flow in api.list("dataflows"):
        if status_of(flow) in (names.CREATING, names.CREATED):
            for each in flow["status"]["scheduledFunctions"].values():
                place_of: Any = (each["nodeName"], each["deviceType"], each["deviceIndex"], each["regionName"])
                if place_of in targets:
                    targets[place_of] = targets[place_of].minus(1, capacity_of(flow))
    return list(targets.values())


def _children(api: Api, flow: Body, resource: str) -> list[Body]:
    uid = flow["metadata"]["uid"]
    return [
        each
        for each in api.list(resource)
        if uid in {owner["uid"] for owner in each["metadata"].get("ownerReferences", [])}
    ]


def _drop_scheduling_data(api: Api, flow: Body) -> None:
    api.delete("schedulingdata", flow["metadata"]["namespace"], flow["metadata"]["name"])


ROLE = Role(
    prepare=lambda context: context,
    reconcilers={
        "computeresources": reconcile_compute_resource,
        "functiontypes": reconcile_function_type,
        "functionchains": reconcile_function_chain,
        "dataflows": reconcile_data_flow,
    },
)

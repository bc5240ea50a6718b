"""The flow controller: a DataFlow's way from its chain to its functions."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import yaml

from . import names
from .api import (
    Api,
    Body,
    custom_resource,
    ensure_owned,
    has_finalizer,
    is_deleting,
    let_go,
    owned_by,
    status_of,
    with_finalizer,
)
from .catalog import (
    deployable_items,
    reconcile_compute_resource,
    reconcile_function_chain,
    reconcile_function_type,
    types_by_function,
)
from .children import capacity_of, wbconnection_body, wbfunction_body
from .context import AT_ONCE, LATER, NO_CAPACITY_SECONDS, SOON, Context, Delay, Role
from .placement import NoPlaceError, Target, Wanted, keys_in_order, place, usable_targets

log = logging.getLogger(__name__)

_FILTER_PIPELINE = ["GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore"]
_CONNECTION_METHOD = "host-100gether"
# One scheduling at a time: two at once would hand out the same capacity.
_scheduling = threading.Lock()


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
    types = types_by_function(chain["spec"], api.list("functiontypes"))
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
        api.create("schedulingdata", custom_resource("SchedulingData", metadata, pipeline))
        chain = flow["status"]["functionChain"]["spec"]
        types = types_by_function(chain, flow["status"]["functionType"])
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
    """Return the part of a DataFlow's status that says what runs where and how it is connected."""
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
    # Functions are deleted after the connections between them.
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


def _set_status(api: Api, flow: Body, status: Body) -> Delay:
    api.patch("dataflows", flow["metadata"]["namespace"], flow["metadata"]["name"], {"status": status})
    return AT_ONCE


def _deployable_item(api: Api, flow: Body, key: str) -> Body | None:
    place_of = flow["status"]["scheduledFunctions"][key]
    target_name = names.function_target(
        place_of["nodeName"], place_of["deviceType"], place_of["deviceIndex"], place_of["regionName"]
    )
    target = api.get("functiontargets", names.CONFIG_NAMESPACE, target_name)
    chain = flow["status"]["functionChain"]["spec"]
    function = chain["functions"][key]
    types = types_by_function(chain, flow["status"]["functionType"])
    reference = types[function["functionName"], function["version"]]["spec"]["functionInfoCMRef"]
    info = api.get("configmaps", reference["namespace"], reference["name"])
    if target is None or info is None:
        return None
    specs = {each["name"]: each for each in json.loads(info["data"].get("spec", "[]"))}
    for item in deployable_items(info):
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
    # The capacity promised to other flows is not yet on the books of their nodes.
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

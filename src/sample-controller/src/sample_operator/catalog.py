"""The flow controller's catalog: targets, types and chains, judged by their current state."""

from __future__ import annotations

import json
import logging
from collections import Counter

from . import names
from .api import (
    Body,
    custom_resource,
    ensure_owned,
    is_deleting,
    owned_by,
    status_of,
)
from .context import LATER, Context, Delay

log = logging.getLogger(__name__)
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
            context.api, "functiontargets", custom_resource("FunctionTarget", owned_by(resource, target), reference)
        ):
            return LATER
        status = {field: region[field] for field in _REGION_FIELDS if field in region}
        status |= {"nodeName": node, "regionName": region["name"], "regionType": region["type"]}
        context.api.patch("functiontargets", namespace, target, {"status": status})
    return None


def reconcile_function_type(context: Context, namespace: str, name: str) -> Delay:
    """Judge a FunctionType by the region types of its function info; without that info, it gets no status."""
    function_type = context.api.get("functiontypes", namespace, name)
    if function_type is None:
        return None
    reference = function_type["spec"]["functionInfoCMRef"]
    info = context.api.get("configmaps", reference["namespace"], reference["name"])
    if info is None:
        log.error("FunctionType %s/%s: no ConfigMap %s/%s", namespace, name, reference["namespace"], reference["name"])
        return None
    regions = sorted({item["regionType"] for item in deployable_items(info) if item.get("regionType")})
    status = {"status": names.READY if regions else names.ERROR, "regionTypeCandidates": regions}
    if function_type.get("status") != status:
        context.api.patch("functiontypes", namespace, name, {"status": status})
    return None


def reconcile_function_chain(context: Context, namespace: str, name: str) -> Delay:
    """Judge a FunctionChain by the current types; only a change of the chain itself makes it be judged again."""
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
    """Return why a chain cannot be used, or an empty string."""
    types = types_by_function(spec, function_types)
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


def types_by_function(chain: Body, function_types: list[Body]) -> dict[tuple[str, str], Body]:
    """Return the function types that a chain names, by function name and version."""
    wanted = {(each["functionName"], each["version"]) for each in chain["functions"].values()}
    found = {
        (each["spec"]["functionName"], each["spec"]["version"]): each
        for each in function_types
        if each.get("metadata", {}).get("namespace", chain["functionTypeNamespace"]) == chain["functionTypeNamespace"]
    }
    return {version: each for version, each in found.items() if version in wanted}


def deployable_items(info: Body) -> list[Body]:
    """Return the ways in which a function can be deployed, as its ConfigMap lists them."""
    items: list[Body] = json.loads(info.get("data", {}).get("deployableItems", "[]"))
    return items

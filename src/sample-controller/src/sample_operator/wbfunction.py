"""The WBFunction controller: a function's custom resource, and its place on the node's books."""

from __future__ import annotations

import logging

from . import names
from .api import Api, Body, ensure_owned, has_finalizer, is_deleting, let_go, owned_by, status_of, with_finalizer
from .context import AT_ONCE, LATER, SOON, Context, Delay, Role, config_json

log = logging.getLogger(__name__)

_PASSED_ON = [
    "dataFlowRef",
    "functionName",
    "nodeName",
    "deviceType",
    "regionName",
    "configName",
    "functionIndex",
    "params",
    "nextWBFunctions",
    "previousWBFunctions",
]
_RENAMED = {"nextWBFunctions": "nextFunctions", "previousWBFunctions": "previousFunctions"}
_BOOKED = ["functionName", "nodeName", "deviceType", "deviceIndex", "regionName", "maxDataFlows", "maxCapacity"]


def read_kinds(context: Context) -> Context:
    """Read once which kind of function runs on which type of device."""
    kinds = {each["deviceType"]: each["functionCRKind"] for each in config_json(context.api, "functionkindmap")}
    return Context(context.api, context.node, kinds)


def reconcile(context: Context, namespace: str, name: str) -> Delay:
    """Move a WBFunction one status further."""
    function = context.api.get("wbfunctions", namespace, name)
    if function is None:
        return None
    kind = context.kinds.get(function["spec"]["deviceType"])
    if kind is None:
        log.error("WBFunction %s: no kind for device type %s", name, function["spec"]["deviceType"])
        return None
    if is_deleting(function):
        return _release(context.api, kind, function)
    if not has_finalizer(function):
        return _create(context.api, kind, function)
    if status_of(function) == names.WAITING:
        return _deploy(context.api, kind, function)
    if status_of(function) == names.DEPLOYED:
        context.api.delete("deviceinfoes", namespace, names.device_info(name))
    return None


def _create(api: Api, kind: str, function: Body) -> Delay:
    metadata = function["metadata"]
    try:
        config_json(api, function["spec"]["configName"])
    except LookupError as error:
        log.error("WBFunction %s waits for a change of itself: %s", metadata["name"], error)  # noqa: TRY400
        return None
    devices = config_json(api, "infrastructureinfo")["devices"]
    if not ensure_owned(api, names.plural(kind), function_body(kind, function, devices)):
        return LATER
    patch = {"metadata": with_finalizer(function), "status": {"status": names.WAITING}}
    api.patch("wbfunctions", metadata["namespace"], metadata["name"], patch)
    return AT_ONCE


def function_body(kind: str, function: Body, devices: list[Body]) -> Body:
    """Return the CPUFunction (or other kind) of a WBFunction, with the device that it runs on."""
    spec = function["spec"]
    wanted = (spec["nodeName"], spec["deviceType"], spec["deviceIndex"])
    uuids = [
        each["deviceUUID"] for each in devices if wanted == (each["nodeName"], each["deviceType"], each["deviceIndex"])
    ]
    name = function["metadata"]["name"]
    return {
        "apiVersion": names.GROUP_VERSION,
        "kind": kind,
        "metadata": owned_by(function, name),
        "spec": {
            **{_RENAMED.get(field, field): spec[field] for field in _PASSED_ON if field in spec},
            "acceleratorIDs": [{"id": uuid, "partitionName": name} for uuid in uuids],
        },
    }


def _deploy(api: Api, kind: str, function: Body) -> Delay:
    metadata = function["metadata"]
    child = api.get(names.plural(kind), metadata["namespace"], metadata["name"])
    if child is None or status_of(child) != names.RUNNING:
        return SOON
    answer = _ask_node(api, function, names.DEPLOY, child["status"]["functionIndex"])
    if answer == names.ERROR:
        return _set_status(api, function, {"status": names.FAILED})
    if answer != names.DEPLOYED:
        return SOON
    status = {"status": names.DEPLOYED, **function["spec"], "functionIndex": child["status"]["functionIndex"]}
    return _set_status(api, function, status)


def _release(api: Api, kind: str, function: Body) -> Delay:
    word = status_of(function)
    if not has_finalizer(function):
        return None
    if word in _RELEASE:
        return _RELEASE[word](api, kind, function)
    # As in the real controller, a function that was never deployed is not released.
    log.warning("WBFunction %s is deleted while %s: it keeps its finalizer", function["metadata"]["name"], word)
    return None


def _terminate(api: Api, kind: str, function: Body) -> Delay:
    api.delete(names.plural(kind), function["metadata"]["namespace"], function["metadata"]["name"])
    return _set_status(api, function, {"status": names.TERMINATING})


def _free(api: Api, kind: str, function: Body) -> Delay:
    if api.get(names.plural(kind), function["metadata"]["namespace"], function["metadata"]["name"]) is not None:
        return SOON
    answer = _ask_node(api, function, names.UNDEPLOY, function["status"]["functionIndex"])
    word = _RELEASE_ANSWERS.get(answer)
    return _set_status(api, function, {"status": word}) if word else SOON


def _finish(api: Api, _kind: str, function: Body) -> Delay:
    name = names.device_info(function["metadata"]["name"])
    api.delete("deviceinfoes", function["metadata"]["namespace"], name)
    return let_go(api, "wbfunctions", function)


_RELEASE = {names.DEPLOYED: _terminate, names.TERMINATING: _free, names.RELEASED: _finish}
_RELEASE_ANSWERS = {names.UNDEPLOYED: names.RELEASED, names.ERROR: names.FAILED}


def _ask_node(api: Api, function: Body, request: str, function_index: int) -> str:
    metadata, spec = function["metadata"], function["spec"]
    name = names.device_info(metadata["name"])
    info = api.get("deviceinfoes", metadata["namespace"], name)
    if info is None:
        fields = {field: spec[field] for field in _BOOKED if field in spec}
        asked = {
            "requestType": request,
            "functionIndex": function_index,
            "capacity": spec.get("requirements", {}).get("capacity", 0),
            **fields,
        }
        body = {"apiVersion": names.GROUP_VERSION, "kind": "DeviceInfo", "metadata": owned_by(function, name)}
        api.create("deviceinfoes", body | {"spec": {"request": asked}})
        return ""
    if info["spec"]["request"]["requestType"] != request:
        api.delete("deviceinfoes", metadata["namespace"], name)
        return ""
    answer: str = ((info.get("status") or {}).get("response") or {}).get("status", "")
    return answer


def _set_status(api: Api, function: Body, status: Body) -> Delay:
    api.patch("wbfunctions", function["metadata"]["namespace"], function["metadata"]["name"], {"status": status})
    return AT_ONCE


ROLE = Role(prepare=read_kinds, reconcilers={"wbfunctions": reconcile})

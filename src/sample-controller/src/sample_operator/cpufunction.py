"""The CPUFunction daemon: runs the pods of the functions on its node."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timezone

from . import names
from .api import Api, Body, ensure_owned, has_finalizer, is_deleting, let_go, owned_by, with_finalizer
from .context import LATER, SOON, Context, Delay, Role, config_json

log = logging.getLogger(__name__)

# Two functions of a node must not get the same index.
_indexing = threading.Lock()


def reconcile(context: Context, namespace: str, name: str) -> Delay:
    """Start the pod of a function on this node, once; the pod is deleted with the function."""
    function = context.api.get("cpufunctions", namespace, name)
    if function is None or function["spec"]["nodeName"] != context.node:
        return None
    if is_deleting(function):
        return let_go(context.api, "cpufunctions", function)
    return None if has_finalizer(function) else _start(context, function)


def _start(context: Context, function: Body) -> Delay:
    name, namespace = function["metadata"]["name"], function["metadata"]["namespace"]
    if not all(context.api.get("ethernetconnections", namespace, each) for each in connection_names(function)):
        return SOON
    protocols = protocols_of(function["spec"])
    config = select_config(config_json(context.api, function["spec"]["configName"]), *protocols)
    if config is None:
        log.error("CPUFunction %s: %s has no entry for %s", name, function["spec"]["configName"], protocols)
        return LATER
    pod = pod_body(function, config)
    if not ensure_owned(context.api, "pods", pod):
        return LATER
    _record(context, function, pod, protocols)
    return None


def connection_names(function: Body) -> list[str]:
    """Return the names of the connections that end at the function."""
    spec, name = function["spec"], function["metadata"]["name"]
    flow = spec["dataFlowRef"]["name"]
    before = [each["wbFunctionRef"]["name"] for each in spec.get("previousFunctions", {}).values()]
    after = [each["wbFunctionRef"]["name"] for each in spec.get("nextFunctions", {}).values()]
    return [
        *(names.connection_of(flow, other, name) for other in before),
        *(names.connection_of(flow, name, other) for other in after),
    ]


def protocols_of(spec: Body) -> tuple[str, str]:
    """Return how a function receives and sends: by TCP inside the chain, by RTP at its ends."""
    return ("TCP" if spec.get("previousFunctions") else "RTP", "TCP" if spec.get("nextFunctions") else "RTP")


def select_config(configs: list[Body], rx_protocol: str, tx_protocol: str) -> Body | None:
    """Return the configuration of a function for its protocols."""
    for config in configs:
        if (config["rxProtocol"], config["txProtocol"]) == (rx_protocol, tx_protocol):
            return config
    return None


def pod_body(function: Body, config: Body) -> Body:
    """Return the pod of a function: the configuration's template, on the function's node."""
    name = names.pod(function["metadata"]["name"])
    template = config["template"]["spec"]
    passed_on = {
        field: template[field]
        for field in ("volumes", "restartPolicy", "hostNetwork", "hostIPC", "shareProcessNamespace")
        if field in template
    }
    labels = {"swb/func-type": "cpufunc", "swb/func-name": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": owned_by(function, name, labels=labels, annotations=config.get("Annotations", {})),
        "spec": {
            **passed_on,
            "containers": [_container(index, each, config) for index, each in enumerate(template["containers"])],
            "affinity": {"nodeAffinity": _only_on(function["spec"]["nodeName"])},
        },
    }


def _container(index: int, template: Body, config: Body) -> Body:
    passed_on = ("command", "args", "workingDir", "securityContext", "volumeMounts", "resources", "ports", "lifecycle")
    fixed = [{"name": name, "value": value} for name, value in config.get("envs", {}).items()]
    fields = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in (("K8S_POD_NAMESPACE", "metadata.namespace"), ("K8S_POD_NAME", "metadata.name"))
    ]
    return {
        "name": f"cpu-container{index}",
        "image": template.get("image") or config["imageURI"],
        "imagePullPolicy": "IfNotPresent",
        "env": fixed + fields,
        **{field: template[field] for field in passed_on if field in template},
    }


def _only_on(node: str) -> Body:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    term = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": term}


def _record(context: Context, function: Body, pod: Body, protocols: tuple[str, str]) -> None:
    spec, metadata = function["spec"], function["metadata"]
    with _indexing:
        status = {
            "status": names.RUNNING,
            "startTime": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "podName": pod["metadata"]["name"],
            "functionIndex": _free_index(context),
            "imageURI": pod["spec"]["containers"][0]["image"],
            "rxProtocol": protocols[0],
            "txProtocol": protocols[1],
            **{field: spec[field] for field in ("dataFlowRef", "functionName", "configName")},
        }
        patch = {"metadata": with_finalizer(function), "status": status}
        context.api.patch("cpufunctions", metadata["namespace"], metadata["name"], patch)


def _free_index(context: Context) -> int:
    used = {
        (each.get("status") or {}).get("functionIndex")
        for each in context.api.list("cpufunctions")
        if each["spec"]["nodeName"] == context.node
    } | _booked_indexes(context.api, context.node)
    return next(index for index in range(len(used) + 1) if index not in used)


def _booked_indexes(api: Api, node: str) -> set[int]:
    # A function's place is freed only after its CPUFunction is gone.
    books = api.get("computeresources", names.CONFIG_NAMESPACE, names.compute_resource(node)) or {}
    regions = (books.get("status") or {}).get("regions", [])
    return {entry["functionIndex"] for region in regions for entry in region.get("functions", [])}


ROLE = Role(prepare=lambda context: context, reconcilers={"cpufunctions": reconcile})

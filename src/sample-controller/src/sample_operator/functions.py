"""What the daemons of functions share: each runs the pods of the functions of its kind on its node."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

from . import names
from .api import Api, Body, ensure_owned, has_finalizer, is_deleting, let_go, owned_by, with_finalizer
from .context import LATER, SOON, Context, Delay, config_json

log = logging.getLogger(__name__)

# Two functions of a node must not get the same index.
_indexing = threading.Lock()
# The container of a pod that is not the function itself, and so takes no virtual function.
_SIDECAR = "sidecar"
_TCP, _RTP = "TCP", "RTP"


@dataclass(frozen=True)
class Runner:
    """How a daemon runs the functions of its kind.

    Attributes:
        kind: The kind of its functions.
        device: The word for their device in labels and in the names of containers.
        first_protocol: How the first function of a chain receives; empty if these functions cannot be the first.
        pod: Returns the name of a function's pod.
        variables: Returns the environment variables that a function gets besides those of its configuration.
    """

    kind: str
    device: str
    first_protocol: str
    pod: Callable[[Body], str]
    variables: Callable[[Body], Mapping[str, str]] = lambda _function: {}

    @property
    def resource(self) -> str:
        """The resource name of the kind."""
        return names.plural(self.kind)

    def protocols(self, spec: Body) -> tuple[str, str]:
        """Return how a function receives and sends: by TCP inside the chain."""
        return (
            _TCP if spec.get("previousFunctions") else self.first_protocol,
            _TCP if spec.get("nextFunctions") else _RTP,
        )

    def reconcile(self, context: Context, namespace: str, name: str) -> Delay:
        """Start the pod of a function on this node, once; the pod is deleted with the function."""
        function = context.api.get(self.resource, namespace, name)
        if function is None or function["spec"]["nodeName"] != context.node:
            return None
        if is_deleting(function):
            return let_go(context.api, self.resource, function)
        return None if has_finalizer(function) else _start(self, context, function)

    def pod_body(self, function: Body, config: Body) -> Body:
        """Return the pod of a function: the configuration's template, on the function's node."""
        template = config["template"]["spec"]
        passed_on = ("volumes", "restartPolicy", "hostNetwork", "hostIPC", "shareProcessNamespace")
        variables = {**config.get("envs", {}), **self.variables(function)}
        containers = [
            {"name": f"{self.device}-container{index}", **_container(each, config, variables)}
            for index, each in enumerate(template["containers"])
        ]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": owned_by(
                function, self.pod(function), labels=self._labels(function), annotations=_annotations(config)
            ),
            "spec": {
                **{field: template[field] for field in passed_on if field in template},
                "containers": containers,
                "affinity": {"nodeAffinity": _only_on(function["spec"]["nodeName"])},
            },
        }

    def _labels(self, function: Body) -> Body:
        name = f"{function['metadata']['name']}-{self.device}-pod".lower()
        return {names.FUNCTION_TYPE_LABEL: f"{self.device}func", names.FUNCTION_NAME_LABEL: name}


def _start(runner: Runner, context: Context, function: Body) -> Delay:
    name, namespace = function["metadata"]["name"], function["metadata"]["namespace"]
    if not all(context.api.get("ethernetconnections", namespace, each) for each in connection_names(function)):
        return SOON
    protocols = runner.protocols(function["spec"])
    config = select_config(config_json(context.api, function["spec"]["configName"]), *protocols)
    if config is None:
        log.error("%s %s: %s has no entry for %s", runner.kind, name, function["spec"]["configName"], protocols)
        return LATER
    pod = runner.pod_body(function, config)
    if not ensure_owned(context.api, "pods", pod):
        return LATER
    _record(runner, context, function, _status(function, config, pod))
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


def select_config(configs: list[Body], rx_protocol: str, tx_protocol: str) -> Body | None:
    """Return the configuration of a function for its protocols."""
    for config in configs:
        if (config["rxProtocol"], config["txProtocol"]) == (rx_protocol, tx_protocol):
            return config
    return None


def _takes_virtual_function(config: Body) -> bool:
    # Without `ipam`, the real controller asks for a network that is named after the node; no scenario does so.
    return config.get("virtualNetworkDeviceDriverType") == names.SRIOV and bool(config.get("ipam"))


def _annotations(config: Body) -> Body:
    second: Body = {}
    if config.get("additionalNetwork") and _takes_virtual_function(config):
        second = {names.NETWORKS_ANNOTATION: config["ipam"][0], names.NETWORK_ANNOTATION: names.SRIOV}
    return {**second, **config.get("Annotations", {})}


def _container(template: Body, config: Body, variables: Mapping[str, str]) -> Body:
    passed_on = ("command", "args", "workingDir", "securityContext", "volumeMounts", "ports", "lifecycle")
    fixed = [{"name": name, "value": value} for name, value in variables.items()]
    fields = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in (("K8S_POD_NAMESPACE", "metadata.namespace"), ("K8S_POD_NAME", "metadata.name"))
    ]
    return {
        "image": template.get("image") or config["imageURI"],
        "imagePullPolicy": "IfNotPresent",
        "env": fixed + fields,
        "resources": _resources(template, config),
        **{field: template[field] for field in passed_on if field in template},
    }


def _resources(template: Body, config: Body) -> Body:
    resources: Body = template.get("resources", {})
    if not _takes_virtual_function(config) or template.get("name", _SIDECAR) == _SIDECAR:
        return resources
    one = {names.VIRTUAL_FUNCTION: "1"}
    return {**resources, **{part: resources.get(part, {}) | one for part in ("requests", "limits")}}


def _only_on(node: str) -> Body:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    term = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": term}


def _status(function: Body, config: Body, pod: Body) -> Body:
    driver = config.get("virtualNetworkDeviceDriverType")
    return {
        "status": names.RUNNING,
        "startTime": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "podName": pod["metadata"]["name"],
        "imageURI": pod["spec"]["containers"][0]["image"],
        "additionalNetwork": config.get("additionalNetwork", False),
        **({"virtualNetworkDeviceDriverType": driver} if driver else {}),
        **{field: config[field] for field in ("rxProtocol", "txProtocol")},
        **{field: function["spec"][field] for field in ("dataFlowRef", "functionName", "configName")},
    }


def _record(runner: Runner, context: Context, function: Body, status: Body) -> None:
    metadata = function["metadata"]
    with _indexing:
        index = free_index(context, runner.resource, function["spec"]["deviceType"])
        patch = {"metadata": with_finalizer(function), "status": status | {"functionIndex": index}}
        context.api.patch(runner.resource, metadata["namespace"], metadata["name"], patch)


def free_index(context: Context, resource: str, device_type: str) -> int:
    """Return the lowest index that no function on this node's devices of a type has.

    Args:
        context: The cluster and the node.
        resource: The kind of functions that run on such devices.
        device_type: The type of device.
    """
    used = {
        (each.get("status") or {}).get("functionIndex")
        for each in context.api.list(resource)
        if (each["spec"]["nodeName"], each["spec"]["deviceType"]) == (context.node, device_type)
    } | _booked_indexes(context.api, context.node, device_type)
    return next(index for index in range(len(used) + 1) if index not in used)


def _booked_indexes(api: Api, node: str, device_type: str) -> set[int]:
    # A function's place is freed only after its custom resource is gone.
    books = api.get("computeresources", names.CONFIG_NAMESPACE, names.compute_resource(node)) or {}
    regions = [each for each in (books.get("status") or {}).get("regions", []) if each["deviceType"] == device_type]
    return {entry["functionIndex"] for region in regions for entry in region.get("functions", [])}

"""A cluster that this tool did not make: plain kind, five nodes, a bridge network, and a log of every request."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client, containers
from tasks.engines.go import modules
from tasks.engines.kube import manifests
from tasks.engines.kube.api import Kube
from tasks.engines.programs import waiting
from tasks.engines.programs.shell import Command
from tasks.settings import artifacts, parameters
from tests.cluster import objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tests.cluster.outside_registry import OutsideRegistry

NAME = "elsewhere"
CONTEXT = f"kind-{NAME}"
CONTROL_PLANE = f"{NAME}-control-plane"
WORKERS = tuple(f"{NAME}-worker{number}" for number in ("", *range(2, 5)))
_POD_SUBNET = "10.200.0.0/16"
_SERVICE_SUBNET = "10.201.0.0/16"
_POLICY = "/etc/kubernetes/audit/policy.yaml"
_LOGS = "/var/log/kubernetes"
_LOG = f"{_LOGS}/audit.log"
# Where both runtimes of node images look for the CA of a registry.
_TRUST = "/etc/containers/certs.d"
_CNI = "/etc/cni/net.d/10-bridge.conflist"
_SECONDS = 240.0
_NODE = {"apiVersion": "v1", "kind": "Node"}
_NODE_INFO = {
    **dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "kubeletVersion"), ""),
    **dict.fromkeys(("containerRuntimeVersion", "kubeProxyVersion"), ""),
    "operatingSystem": "linux",
}

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# Questions to the API server are sent as objects, though none is kept.
_QUESTIONS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
# Nor of a request that only asks whether it would be granted.
_DRY = "dryRun=All"


@dataclass(frozen=True)
class Elsewhere:
    """The cluster, as its administrator sees it.

    Attributes:
        kubeconfig: Leads there with all rights.
    """

    kubeconfig: Path

    @property
    def api(self) -> Kube:
        """Its API."""
        return Kube(self.kubeconfig)

    @cached_property
    def uid(self) -> str:
        """UID of the namespace kube-system."""
        found = self.api.get(manifests.NAMESPACE, "kube-system")
        assert found
        return str(found["metadata"]["uid"])

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl as its administrator, and return what it prints."""
        program = modules.program(artifacts.KUBERNETES, "kubectl", parameters.current())
        return Command([program, "--kubeconfig", self.kubeconfig, *words], {}, stdin=stdin).run().stdout

    def objects(self) -> list[objects.Seen]:
        """Return all objects, events and leases aside."""
        return objects.listed(self.kubectl)

    def log(self) -> list[dict[str, Any]]:
        """Return the requests that the API server has answered so far, first to last."""
        lines = containers.exec_in(CONTROL_PLANE, ["cat", _LOG]).splitlines()
        # The last line may still be being written.
        return [json.loads(line) for line in lines if line.endswith("}")]

    @contextmanager
    def node(self, name: str, *, architecture: str) -> Iterator[None]:
        """Let the cluster have a node of this architecture that does not answer, for the time of the block."""
        self.kubectl("create", "-f", "-", stdin=json.dumps({**_NODE, "metadata": {"name": name}}))
        try:
            status = json.dumps({"status": {"nodeInfo": {**_NODE_INFO, "architecture": architecture}}})
            self.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", status)
            yield
        finally:
            self.kubectl("delete", "node", name)
            on_it = (f"--field-selector=spec.nodeName={name}", "--force", "--grace-period=0")
            self.kubectl("delete", "pods", "-n", "kube-system", *on_it)

    def writes(self, *, after: int = 0, user: str = "") -> list[str]:
        """Return what was asked to be written.

        Args:
            after: How many requests of the log came before.
            user: Only of this user; empty for all.
        """
        return [_said(event) for event in self.log()[after:] if _is_write(event, user)]


def create(folder: Path, image: str, registry: OutsideRegistry) -> Elsewhere:
    """Create the cluster as somebody would who does not know this tool.

    Args:
        folder: Folder for its config and kubeconfig.
        image: Image of its nodes.
        registry: The registry that its nodes trust.
    """
    config = folder / "kind.json"
    config.write_text(json.dumps(_config(folder, image)), encoding="utf-8")
    made = Elsewhere(folder / "admin.kubeconfig")
    _kind("create", "cluster", "--name", NAME, "--config", str(config), "--kubeconfig", str(made.kubeconfig))
    nodes = made.api.list(manifests.NODE)
    with ThreadPoolExecutor(len(nodes)) as threads:
        list(threads.map(lambda node: _set_up(node, nodes, registry), nodes))
    waiting.until("cluster elsewhere: nodes Ready", lambda: _unready(made), lambda left: not left, deadline=_SECONDS)
    return made


def delete(folder: Path) -> None:
    """Delete the cluster, whoever made it; there may be none."""
    _kind("delete", "cluster", "--name", NAME, "--kubeconfig", str(folder / "admin.kubeconfig"))


def forget_trust(node: str) -> None:
    """Take the registry's CA from a node."""
    containers.exec_in(node, ["rm", "-r", _TRUST])


def _kind(*words: str) -> None:
    program = modules.program(artifacts.KIND, "kind", parameters.current())
    Command([program, *words], client.environment()).run()


def _config(folder: Path, image: str) -> Object:
    """Return kind's config: of this tool's clusters it has only the image of the nodes."""
    policy = folder / "policy.json"
    rules = [{"level": "Metadata", "omitStages": ["RequestReceived"]}]
    policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}), encoding="utf-8")
    audit = {"audit-policy-file": _POLICY, "audit-log-path": _LOG}
    volumes = [
        {"name": "policy", "hostPath": _POLICY, "mountPath": _POLICY, "readOnly": True, "pathType": "File"},
        {"name": "logs", "hostPath": _LOGS, "mountPath": _LOGS, "readOnly": False, "pathType": "DirectoryOrCreate"},
    ]
    patch = {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": audit, "extraVolumes": volumes}}
    first = {
        "role": "control-plane",
        "image": image,
        "kubeadmConfigPatches": [json.dumps(patch)],
        "extraMounts": [{"hostPath": str(policy), "containerPath": _POLICY, "readOnly": True}],
    }
    networking = {"podSubnet": _POD_SUBNET, "serviceSubnet": _SERVICE_SUBNET, "disableDefaultCNI": True}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "nodes": [first, *({"role": "worker", "image": image} for _ in WORKERS)],
    }


def _set_up(node: Object, nodes: Sequence[Object], registry: OutsideRegistry) -> None:
    """Give a node its pod network, and trust in the registry, as an administrator would."""
    name = manifests.name_of(node)
    containers.copy_into(name, f"{_TRUST}/{registry.host}/ca.crt", registry.ca.read_bytes())
    own = node["spec"]["podCIDR"]
    routes = [f"ip route replace {each['spec']['podCIDR']} via {_address(each)}" for each in nodes if each is not node]
    masked = f"-s {own} ! -d {_POD_SUBNET} -j MASQUERADE"
    script = ["sysctl -qw net.ipv4.ip_forward=1", f"iptables -w -t nat -A POSTROUTING {masked}", *routes]
    containers.exec_in(name, ["sh", "-ec", "\n".join(script)])
    containers.copy_into(name, _CNI, json.dumps(_bridge(own)).encode())


def _bridge(subnet: str) -> Object:
    ipam = {"type": "host-local", "ranges": [[{"subnet": subnet}]]}
    bridge = {"type": "bridge", "bridge": "pods0", "isDefaultGateway": True, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": NAME, "plugins": [bridge, ports]}


def _address(node: Object) -> str:
    found = (each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
    return next(str(address) for address in found if ":" not in address)


def _unready(made: Elsewhere) -> list[str]:
    """Return the nodes, and the pods of the cluster itself, that are not Ready yet."""
    items = [*made.api.list(manifests.NODE), *made.api.list(manifests.POD, "kube-system")]
    return [manifests.label_of(item) for item in items if not _is_ready(item)]


def _is_ready(item: Object) -> bool:
    conditions = item.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _is_write(event: dict[str, Any], user: str) -> bool:
    group = event.get("objectRef", {}).get("apiGroup", "")
    is_by_user = not user or event["user"]["username"] == user
    is_asked = group in _QUESTIONS or _DRY in event["requestURI"]
    return event["verb"] in _WRITES and not is_asked and is_by_user


def _said(event: dict[str, Any]) -> str:
    return f"{event['verb']} {event['requestURI']}: {event.get('responseStatus', {}).get('code', '')}"

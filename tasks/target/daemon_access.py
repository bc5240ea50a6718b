"""How daemons reach the API of a cluster whose nodes are not touched: pure functions on objects.

The kubeconfig is a Secret without a token: it names the files that the kubelet projects for the daemon's
ServiceAccount, and renews.
"""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING, Any

import yaml

from tasks.settings.target import HOST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEY = "config"
_PROJECTED = "/var/run/secrets/kubernetes.io/serviceaccount"
_SERVER = "https://kubernetes.default.svc"


def secret(name: str, namespace: str) -> dict[str, Any]:
    """Return the Secret with the kubeconfig that daemons mount.

    Args:
        name: Name of the Secret.
        namespace: Namespace of the daemons.
    """
    cluster = {"server": _SERVER, "certificate-authority": f"{_PROJECTED}/ca.crt"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "target", "cluster": cluster}],
        "users": [{"name": "daemon", "user": {"tokenFile": f"{_PROJECTED}/token"}}],
        "contexts": [{"name": "daemon", "context": {"cluster": "target", "user": "daemon"}}],
        "current-context": "daemon",
    }
    metadata = {"name": name, "namespace": namespace}
    # Not `stringData`, which the API takes but does not show.
    data = {_KEY: base64.b64encode(yaml.safe_dump(config).encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def with_account(daemon: dict[str, Any], *, account: str, secret_name: str, host_path: str) -> dict[str, Any]:
    """Return a DaemonSet that runs as an account and mounts the Secret in place of the node's kubeconfig.

    Args:
        daemon: The DaemonSet as the archive ships it; it is not changed.
        account: Name of its ServiceAccount.
        secret_name: Name of the Secret with the kubeconfig.
        host_path: Path of the kubeconfig on nodes that it mounts.
    """
    changed = copy.deepcopy(daemon)
    pod = changed["spec"]["template"]["spec"]
    pod |= {"serviceAccountName": account, "automountServiceAccountToken": True}
    if pod.get("hostNetwork"):
        pod["dnsPolicy"] = "ClusterFirstWithHostNet"  # the node's resolver does not know the server's name
    replaced = {volume["name"] for volume in pod.get("volumes", []) if _is_at(volume, host_path)}
    pod["volumes"] = [_replaced(volume, replaced, secret_name) for volume in pod.get("volumes", [])]
    for container in pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] in replaced:
                mount |= {"subPath": _KEY, "readOnly": True}  # the archive mounts a file, not a folder
    return changed


def on_workers(daemon: dict[str, Any], workers: Iterable[str]) -> dict[str, Any]:
    """Return a DaemonSet that runs on the named workers only.

    Args:
        daemon: The DaemonSet; it is not changed.
        workers: Names of nodes.
    """
    changed = copy.deepcopy(daemon)
    rule = {"key": HOST_NAME, "operator": "In", "values": list(workers)}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    affinity = changed["spec"]["template"]["spec"].setdefault("affinity", {})
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    return changed


def _is_at(volume: dict[str, Any], host_path: str) -> bool:
    """Tell whether a volume is a path of the node."""
    return bool(volume.get("hostPath", {}).get("path") == host_path)


def _replaced(volume: dict[str, Any], names: set[str], secret_name: str) -> dict[str, Any]:
    """Return a volume, or the Secret in its place."""
    return {"name": volume["name"], "secret": {"secretName": secret_name}} if volume["name"] in names else volume

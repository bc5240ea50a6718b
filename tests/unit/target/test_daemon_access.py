"""Daemons reach the API of a target as accounts of their own, without a file on the nodes."""

from __future__ import annotations

import base64
from typing import Any

import yaml

from tasks.target import daemon_access

PATH = "/etc/k8s_node/config"


def daemon(**pod: object) -> dict[str, Any]:
    """Return a DaemonSet with a kubeconfig and one more path of the node."""
    mounts = [{"name": "kubeconfig", "mountPath": "/kube/config"}, {"name": "huge", "mountPath": "/dev/hugepages"}]
    volumes = [{"name": "kubeconfig", "hostPath": {"path": PATH}}, {"name": "huge", "hostPath": {"path": "/dev/x"}}]
    spec = {"containers": [{"name": "a", "volumeMounts": mounts}], "volumes": volumes, **pod}
    return {"kind": "DaemonSet", "spec": {"template": {"spec": spec}}}


def changed(item: dict[str, Any]) -> dict[str, Any]:
    """Return the pod's spec with an account."""
    made = daemon_access.with_account(item, account="cpu", secret_name="access", host_path=PATH)
    spec: dict[str, Any] = made["spec"]["template"]["spec"]
    return spec


def test_the_kubeconfig_names_projected_files_and_holds_no_token() -> None:
    config = yaml.safe_load(base64.b64decode(daemon_access.secret("access", "system")["data"]["config"]))
    assert list(config["users"][0]["user"]) == ["tokenFile"]


def test_a_kubeconfig_on_the_node_is_replaced_by_the_secret_and_other_paths_are_kept() -> None:
    spec = changed(daemon())
    assert spec["serviceAccountName"] == "cpu"
    assert spec["volumes"][0] == {"name": "kubeconfig", "secret": {"secretName": "access"}}
    assert spec["volumes"][1] == daemon()["spec"]["template"]["spec"]["volumes"][1]
    assert spec["containers"][0]["volumeMounts"][0]["subPath"] == "config"


def test_a_daemon_on_the_network_of_the_node_asks_the_clusters_resolver() -> None:
    assert changed(daemon(hostNetwork=True))["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert "dnsPolicy" not in changed(daemon())


def test_a_daemon_runs_on_the_named_workers_and_what_was_given_is_not_changed() -> None:
    item = daemon()
    spec = daemon_access.on_workers(item, ("a", "b"))["spec"]["template"]["spec"]
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["a", "b"]
    assert item == daemon()

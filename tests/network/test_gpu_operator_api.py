"""tasks.target.gpu_operator, on a real API server: a ClusterPolicy counts once its kind is served."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind
from tasks.settings import gpu_offer
from tasks.target import gpu_operator

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_NAME = "clusterpolicies.nvidia.com"


def _definition() -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "clusterpolicies", "singular": "clusterpolicy", "kind": "ClusterPolicy"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": _NAME},
        "spec": {"group": "nvidia.com", "scope": "Cluster", "names": names, "versions": [version]},
    }


def test_a_cluster_without_the_operator_is_told_what_is_missing_and_one_with_it_which_policy(api: Kube) -> None:
    (line,) = gpu_operator.missing(api, ("nobody",))
    assert "neither the GPU operator nor NVIDIA's device plugin" in line
    name = f"policy-{secrets.token_hex(4)}"
    version, kind = gpu_offer.POLICY
    condition = {"type": "Ready", "status": "False", "message": "no driver yet"}
    status = {"state": "notReady", "conditions": [condition]}
    try:
        api.apply([_definition()])
        api.apply([{"apiVersion": version, "kind": kind, "metadata": {"name": name}}])
        api.patch(Kind(version, kind), name, "", {"status": status})
        assert gpu_operator.missing(api, ("nobody",)) == [f"ClusterPolicy {name}: notReady: no driver yet"]
    finally:
        api.delete(manifests.CUSTOM_RESOURCE_DEFINITION, _NAME)

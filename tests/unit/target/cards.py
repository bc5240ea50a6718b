"""Cards of a cluster of others, as its SR-IOV network operator knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tasks.settings import sriov, target
from tasks.target.sriov_policies import POLICY, STATE, Request, name
from tests.unit.conftest import lab
from tests.unit.target.somewhere import Api, Facts, node, parameters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

SPACE = "sriov-operator"
OWNER = "0123456789abcdef"
ONE, TWO = "ens1f0", "ens2f0"
WORKERS = ("one", "two")


def definition(plural: str) -> Object:
    """Return a definition of the operator."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{sriov.GROUP}"},
        "spec": {"group": sriov.GROUP},
    }


DEFINITIONS = [definition(sriov.POLICIES), definition(sriov.STATES)]


def state(worker: str, interface: str, status: str = "Succeeded", error: str = "", **more: Any) -> Object:
    """Return the NodeState of a worker with one physical function, for which the operator has got no policy."""
    card = {"name": interface, "pciAddress": "0000:17:00.0", "vendor": "15b3", "totalvfs": 16, "linkType": "ETH"}
    said = {"syncStatus": status, **({"lastSyncError": error} if error else {})}
    return {
        "apiVersion": STATE.api_version,
        "kind": STATE.name,
        "metadata": {"name": worker, "namespace": SPACE},
        "status": {"interfaces": [{**card, **more}], **said},
    }


def taken_up(found: Object, **annotations: str) -> Object:
    """Return a NodeState in which the operator asks for what our policy says."""
    card = found["status"]["interfaces"][0]
    groups = [{"policyName": name(found["metadata"]["name"]), "resourceName": "cards"}]
    spec = {"interfaces": [{"pciAddress": card["pciAddress"], "name": card["name"], "numVfs": 8, "vfGroups": groups}]}
    notes = {f"{sriov.GROUP}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {**found, "metadata": {**found["metadata"], "annotations": notes}, "spec": spec}


def policy(called: str, spec: Mapping[str, Any] | None = None, *, owner: str = "") -> Object:
    """Return a policy, of others if it has no owner."""
    labels = {target.OWNER: owner} if owner else {}
    return {
        "apiVersion": POLICY.api_version,
        "kind": POLICY.name,
        "metadata": {"name": called, "namespace": SPACE, "labels": labels},
        "spec": {"nodeSelector": {}, "nicSelector": {}, "numVfs": 4, **(spec or {})},
    }


STATES = [state("one", ONE), state("two", TWO)]


def api(*objects: Object, facts: Facts | None = None) -> Api:
    """Return a cluster with two workers, the operator and these objects."""
    return Api([*map(node, WORKERS), *DEFINITIONS, *objects], facts or Facts())


def request(there: Api, *, workers: tuple[str, ...] = WORKERS, env: Mapping[str, str] | None = None) -> Request:
    """Return what is asked of the operator."""
    values = {
        "SRIOV": "policy",
        "SRIOV_RESOURCE": "openshift.io/cards",
        "SRIOV_PF_IF_1": ONE,
        "SRIOV_PF_IF_2": TWO,
        "ADDONS": "",
        **(env or {}),
    }
    return Request(cast("Kube", there), workers, lab(**parameters_of(**values)), OWNER)

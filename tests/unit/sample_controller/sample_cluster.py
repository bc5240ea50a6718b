"""A cluster in memory to run the sample controller against."""

from __future__ import annotations

import copy
import json
import sys
from itertools import count
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3] / "src" / "sample-controller"
sys.path.insert(0, str(ROOT / "src"))

from sample_operator.api import Api, ApiError  # noqa: E402

Body = dict[str, Any]
WORKERS = ("kind-worker", "kind-worker2")
MANAGERS = ("flowctrl", "wbfunction", "wbconnection")
COMMON = ROOT / "test" / "sample-data" / "sample-data-common" / "json"
SCENARIOS = ROOT / "test" / "sample-data" / "sample-data-for-all-in-one"
SCENARIO = SCENARIOS / "calc-func" / "basic"
GPU = "GPU-5A0B7C3E"


def common(name: str) -> Any:
    """A JSON file that all scenarios share."""
    return json.loads((COMMON / f"{name}.json").read_text())


def merge(target: Body, patch: Body) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


class FakeApi(Api):
    """Objects with versions, finalizers and owners, which is what the controllers need from an API server."""

    def __init__(self) -> None:  # there is nobody to log in to
        self.objects: dict[tuple[str, str, str], Body] = {}
        self.statuses: dict[tuple[str, str, str], list[str]] = {}
        self._numbers = count(1)

    def get(self, resource: str, namespace: str, name: str) -> Body | None:
        return copy.deepcopy(self.objects.get((resource, namespace, name)))

    def list(self, resource: str) -> list[Body]:
        return [copy.deepcopy(body) for key, body in self.objects.items() if key[0] == resource]

    def create(self, resource: str, body: Body) -> bool:
        key = (resource, body["metadata"]["namespace"], body["metadata"]["name"])
        if key in self.objects:
            return False
        self.objects[key] = copy.deepcopy(body)
        self.objects[key]["metadata"] |= {"uid": f"uid-{next(self._numbers)}", "resourceVersion": "0"}
        if resource == "services":
            self.objects[key]["spec"]["clusterIP"] = f"10.96.0.{next(self._numbers)}"
        return True

    def patch(self, resource: str, namespace: str, name: str, body: Body) -> None:
        key = (resource, namespace, name)
        if key not in self.objects:
            raise ApiError(404, f"{key} not found")
        stored = self.objects[key]
        if (
            body.get("metadata", {}).get("resourceVersion", stored["metadata"]["resourceVersion"])
            != (stored["metadata"]["resourceVersion"])
        ):
            raise ApiError(409, f"{key} changed meanwhile")
        merge(stored, body)
        stored["metadata"]["resourceVersion"] = str(next(self._numbers))
        word = stored.get("status", {}).get("status")
        if word and self.statuses.setdefault(key, [""])[-1] != word:
            self.statuses[key].append(word)
        self._drop_if_free(key)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        key = (resource, namespace, name)
        if key in self.objects:
            self.objects[key]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._drop_if_free(key)

    def _drop_if_free(self, key: tuple[str, str, str]) -> None:
        metadata = self.objects[key]["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            del self.objects[key]
            for other, body in list(self.objects.items()):
                if metadata["uid"] in {owner["uid"] for owner in body["metadata"].get("ownerReferences", [])}:
                    self.delete(*other)


PLURALS = {
    "ConfigMap": "configmaps",
    "FunctionType": "functiontypes",
    "FunctionChain": "functionchains",
    "DataFlow": "dataflows",
}


class Cluster:
    """All seven controllers of a cluster with two workers, stepped until nothing changes."""

    def __init__(self, scenario: str = "calc-func/basic") -> None:
        self.api = FakeApi()
        self._scenario = SCENARIOS / scenario
        self._contexts: list[tuple[Any, Any]] = []

    def apply(self, file: str, **changes: Any) -> None:
        for body in yaml.safe_load_all((self._scenario / file).read_text()):
            merge(body, changes)
            assert self.api.create(PLURALS[body["kind"]], body)

    def configure(self, name: str, content: Any, namespace: str = "default") -> None:
        data = (
            content if isinstance(content, dict) and namespace != "default" else {f"{name}.json": json.dumps(content)}
        )
        body = {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}
        assert self.api.create("configmaps", body)

    def inventory(self, capacity: int = 120, gpu: str = "") -> None:
        for name in ("functionkindmap", "connectionkindmap"):
            self.configure(name, common(name))
        region = {"regionType": "cpu", "regionName": "cpu", "maxFunctions": 110, "maxCapacity": capacity}
        cpus, deployable = [], []
        for node in WORKERS:
            cpus.append({"nodeName": node, "deviceUUID": f"{node}-cpu0", "deviceType": "cpu", "deviceIndex": 0})
            cpus.append({"nodeName": node, "deviceUUID": f"{node}-mem0", "deviceType": "memory", "deviceIndex": 0})
            deployable.append({"nodeName": node, "deviceUUID": f"{node}-cpu0", "functionTargets": [region]})
        if gpu:
            (kind,), (region,) = common("devicetypemap"), common("region-unique-info")
            place = {"nodeName": WORKERS[0], "deviceUUID": gpu}
            cpus.append(place | {"deviceType": kind["outputDeviceType"], "deviceIndex": 0})
            deployable.append(place | {"functionTargets": region["functionTargets"]})
        self.configure("infrastructureinfo", {"devices": cpus})
        self.configure("deployinfo", {"devices": deployable})

    def register(self) -> None:
        for file in ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml"):
            self.apply(file)

    def start(self) -> None:
        """Start the controllers; those that run already start anew."""
        from sample_operator import __main__ as operator
        from sample_operator.context import Context

        self._contexts = []
        for name, role in ((name, operator.role_named(name)) for name in operator.ROLES):
            nodes = ("",) if name in MANAGERS else WORKERS
            self._contexts += [(role, role.prepare(Context(self.api, node))) for node in nodes]

    def settle(self, rounds: int = 60) -> None:
        """Let every controller look at every object, once in each round."""
        for _ in range(rounds):
            for role, context in self._contexts:
                for resource, reconcile in role.reconcilers.items():
                    for key in [key for key in self.api.objects if key[0] == resource]:
                        reconcile(context, key[1], key[2])

    def attach(self) -> None:
        """Report the addresses of pods with a second network, as Multus does."""
        pods = [
            body for body in self.api.list("pods") if "k8s.v1.cni.cncf.io/networks" in body["metadata"]["annotations"]
        ]
        for number, pod in enumerate(pods):
            metadata = pod["metadata"]
            network = f"{metadata['namespace']}/{metadata['annotations']['k8s.v1.cni.cncf.io/networks']}"
            common = {"interface": "eth0", "mac": "0a:00:00:00:00:01"}
            device = {"type": "pci", "pci": {"pci-address": f"0000:01:00.{number}"}}
            second = {"interface": "net1", "mac": "0a:00:00:00:00:02", "device-info": device}
            answer = json.dumps([
                {"name": "kindnet", "ips": [f"10.244.0.{number}"], "default": True} | common,
                {"name": network, "ips": [f"192.168.20.{number}"]} | second,
            ])  # fmt: skip
            told = {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/network-status": answer}}}
            self.api.patch("pods", metadata["namespace"], metadata["name"], told)

    def names(self, resource: str) -> list[str]:
        return sorted(name for kind, _, name in self.api.objects if kind == resource)

    def flow(self) -> Body:
        return self.api.objects["dataflows", "cpufunc-calcapp", "df-calcapp"]


def started_cluster(capacity: int = 120, scenario: str = "calc-func/basic", gpu: str = "") -> Cluster:
    """A cluster whose controllers have seen the inventory and a scenario."""
    cluster = Cluster(scenario)
    cluster.inventory(capacity, gpu)
    cluster.register()
    cluster.start()
    cluster.settle()
    return cluster

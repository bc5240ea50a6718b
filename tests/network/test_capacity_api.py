"""tasks.controller.capacity on a real API server: ComputeResources follow the inventory; a thread plays DeviceInfo."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tasks.archive import facts
from tasks.controller import capacity, inventory
from tasks.controller.inventory import Models
from tasks.controller.kinds import COMPUTE_RESOURCE, FUNCTION_TARGET, WB_FUNCTION
from tasks.engines.kube import access, manifests
from tasks.problems import Problem
from tasks.scenarios import setup
from tasks.settings import parameters, paths
from tasks.target import kind_cluster
from tasks.target.devices import Gpu, Worker
from tests.network.contract import set_status
from tests.targets import Given
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

SAMPLE = paths.SRC / "sample-controller"
REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (SAMPLE, REAL) if root.is_dir()]
NODES = ("one-worker", "one-worker2")
A100 = "NVIDIA A100 80GB PCIe"
KNOWN = Models({A100: "a100"}, {})
FIRST, SECOND = Gpu(0, "GPU-1", A100), Gpu(0, "GPU-2", A100)
LACKS = "lacks a100-0.a100 (GPU-1)"
DEADLINE = 20.0


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def cluster(request: pytest.FixtureRequest, api: Kube, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API server with a source's definitions and the DaemonSet of DeviceInfo, but nothing counted."""
    monkeypatch.setattr(access, "cluster", lambda _name: api)
    monkeypatch.setattr(kind_cluster, "workers", lambda _cluster: NODES)
    monkeypatch.setattr(parameters, "current", lambda: lab(CONTROLLER_DEADLINE="20"))
    definitions = [item for file in facts.definition_files(request.param) for item in manifests.load(file)]
    api.apply([*definitions, *setup.namespaces(Given(api, NODES)), daemon_set()])
    roll_out(api)
    yield api
    for kind in (COMPUTE_RESOURCE, FUNCTION_TARGET, WB_FUNCTION, manifests.POD, manifests.DAEMON_SET):
        for item in api.list(kind, "default") if kind is manifests.POD else api.list(kind):
            api.delete(kind, manifests.name_of(item), manifests.namespace_of(item))
            api.wait_gone(kind, manifests.name_of(item), manifests.namespace_of(item), deadline=10)
    for name in (inventory.PRESENT, inventory.OFFERED):
        api.delete(manifests.CONFIG_MAP, name, "default")


def daemon_set() -> Object:
    labels = {"app": capacity.DAEMON}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "daemon", "image": "daemon"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": capacity.DAEMON, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }


def roll_out(api: Kube) -> None:
    """Report the DaemonSet as rolled out, as it is on a cluster without nodes."""
    status = {"observedGeneration": 9, "desiredNumberScheduled": 0, "currentNumberScheduled": 0}
    set_status(api, daemon_set(), {**status, "numberMisscheduled": 0, "numberReady": 0})


def tell(api: Kube, *gpus: Gpu) -> None:
    """Apply the inventory of two workers, the first of which has these GPUs."""
    workers = [Worker(NODES[0], "Xeon", 1, gpus), Worker(NODES[1], "Xeon", 1)]
    api.apply(inventory.config_maps(workers, KNOWN))


class DeviceInfo:
    """Plays DeviceInfo: a pod that is made again when it is deleted, and counts when it starts what is not counted."""

    def __init__(self, api: Kube) -> None:
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.starts = 0

    def __enter__(self) -> DeviceInfo:  # noqa: PYI034 - Python 3.10 has no Self
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            if self._api.get(manifests.POD, "deviceinfo", "default") is None:
                self._start()

    def _start(self) -> None:
        template = daemon_set()["spec"]["template"]
        metadata = {**template["metadata"], "name": "deviceinfo", "namespace": "default"}
        self._api.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}])
        self.starts += 1
        for node, wanted in capacity._offered(self._api).items():
            if self._api.get(COMPUTE_RESOURCE, f"compute-{node}", "default") is None:
                made = resource(node, wanted)
                self._api.apply([made, *(target(node, one) for one in wanted)])
                self._api.patch(COMPUTE_RESOURCE, manifests.name_of(made), "default", {"status": made["spec"]})


def resource(node: str, wanted: set[capacity.Region]) -> Object:
    regions: list[Any] = []
    for region in wanted:
        device, name = region.place.split(".")
        kind, index = device.rsplit("-", 1)
        regions.append({
            "name": name, "type": name, "deviceType": kind, "deviceIndex": int(index), "deviceUUID": region.device,
            "deviceFilePath": "", "available": True, "status": "Ready",
        })  # fmt: skip
    return {
        "apiVersion": COMPUTE_RESOURCE.api_version,
        "kind": COMPUTE_RESOURCE.name,
        "metadata": {"name": f"compute-{node}", "namespace": "default"},
        "spec": {"nodeName": node, "regions": regions},
    }


def target(node: str, region: capacity.Region) -> Object:
    return {
        "apiVersion": FUNCTION_TARGET.api_version,
        "kind": FUNCTION_TARGET.name,
        "metadata": {"name": f"{node}.{region.place}", "namespace": "default"},
    }


def function(node: str, dataflow: str, namespace: str = "cpufunc-calcapp") -> Object:
    """Return a function of a DataFlow on a worker."""
    return {
        "apiVersion": WB_FUNCTION.api_version,
        "kind": WB_FUNCTION.name,
        "metadata": {"name": f"{dataflow}-wbfunction-plus", "namespace": namespace},
        "spec": {
            "dataFlowRef": {"name": dataflow, "namespace": namespace}, "functionName": "plus", "nodeName": node,
            "deviceType": "cpu", "deviceIndex": 0, "regionName": "cpu", "configName": "plus",
        },
    }  # fmt: skip


def follow(api: Kube, deadline: float = DEADLINE) -> None:
    with capacity.following(api, NODES, deadline):
        pass


def targets(api: Kube) -> set[str]:
    return {manifests.name_of(item) for item in api.list(FUNCTION_TARGET)}


def test_a_restart_alone_does_not_count_a_gpu(cluster: Kube) -> None:
    """The controller's own behaviour, without which nothing here would be needed."""
    tell(cluster)
    with DeviceInfo(cluster):
        tell(cluster, FIRST)
        capacity._restart(cluster, DEADLINE)
        assert capacity.outdated(cluster, NODES) == {NODES[0]: LACKS}
        assert f"{NODES[0]}.a100-0.a100" not in targets(cluster)


def test_a_gpu_that_was_lent_since_is_counted_and_no_other_worker_is_touched(cluster: Kube) -> None:
    tell(cluster)
    with DeviceInfo(cluster) as daemon:
        follow(cluster)
        other = cluster.get(COMPUTE_RESOURCE, f"compute-{NODES[1]}", "default") or {}
        tell(cluster, FIRST)
        assert capacity.lack(cluster, NODES).reasons == (f"ComputeResource compute-{NODES[0]}: {LACKS}",)
        follow(cluster)
        assert not capacity.lack(cluster, NODES)
        assert f"{NODES[0]}.a100-0.a100" in targets(cluster)
        same = cluster.get(COMPUTE_RESOURCE, f"compute-{NODES[1]}", "default") or {}
        assert same["metadata"]["uid"] == other["metadata"]["uid"]
        starts = daemon.starts
        follow(cluster)
        assert daemon.starts == starts


@pytest.mark.parametrize("gpus", [(), (SECOND,)], ids=["none", "another"])
def test_a_gpu_that_was_given_back_or_is_another_is_counted_out(cluster: Kube, gpus: tuple[Gpu, ...]) -> None:
    tell(cluster, FIRST)
    with DeviceInfo(cluster):
        follow(cluster)
        tell(cluster, *gpus)
        assert "still has a100-0.a100 (GPU-1)" in capacity.outdated(cluster, NODES)[NODES[0]]
        follow(cluster)
        assert not capacity.lack(cluster, NODES)
        assert (f"{NODES[0]}.a100-0.a100" in targets(cluster)) == bool(gpus)


def test_a_worker_that_a_dataflow_uses_is_left_and_the_dataflow_is_named(cluster: Kube, said: list[str]) -> None:
    tell(cluster)
    with DeviceInfo(cluster):
        follow(cluster)
        before = cluster.get(COMPUTE_RESOURCE, f"compute-{NODES[0]}", "default") or {}
        cluster.apply([function(NODES[0], "df-calcapp"), function(NODES[1], "df-other")])
        tell(cluster, FIRST)
        follow(cluster)
        why = f"stays so while DataFlow cpufunc-calcapp/df-calcapp uses {NODES[0]}"
        hint = "./doit delete_dataflow:calcapp-basic; then the same command"
        assert said == [f"ComputeResource compute-{NODES[0]}: {LACKS}; {why}: {hint}"]
        after = cluster.get(COMPUTE_RESOURCE, f"compute-{NODES[0]}", "default") or {}
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        with pytest.raises(Problem, match="stays so while DataFlow cpufunc-calcapp/df-calcapp uses") as caught:
            capacity.require_offer()
        assert caught.value.hint == hint


def test_a_dataflow_of_the_users_own_is_named_with_the_command_that_deletes_it(cluster: Kube) -> None:
    cluster.apply([function(NODES[0], "mine")])
    hint = capacity._busy(cluster, NODES[0], LACKS).hint
    assert hint == "./doit kubectl delete dataflow -n cpufunc-calcapp mine; then the same command"


def test_what_a_killed_run_deleted_is_counted_again(cluster: Kube) -> None:
    tell(cluster, FIRST)
    with DeviceInfo(cluster) as daemon:
        follow(cluster)
        capacity._clear(cluster, [NODES[0]])
        assert capacity.outdated(cluster, NODES) == {NODES[0]: "not there"}
        assert not {name for name in targets(cluster) if name.startswith(f"{NODES[0]}.")}
        starts = daemon.starts
        follow(cluster)
        assert daemon.starts == starts + 1
        assert not capacity.lack(cluster, NODES)


def test_a_gpu_that_is_not_counted_in_time_is_named(cluster: Kube) -> None:
    tell(cluster, FIRST)
    with pytest.raises(Problem, match=rf"compute-{NODES[0]} not there") as caught:
        follow(cluster, 0.5)
    assert caught.value.hint == "./doit kubectl logs daemonset/crc-deviceinfo-daemon"


def test_the_gpus_target_is_waited_for_too(cluster: Kube) -> None:
    tell(cluster, FIRST)
    with DeviceInfo(cluster):
        follow(cluster)
        wanted = {f"{NODES[0]}.cpu-0.cpu", f"{NODES[0]}.a100-0.a100", f"{NODES[1]}.cpu-0.cpu"}
        assert set(capacity.missing_targets(cluster, NODES)) == wanted
        assert len(capacity.lack_of_offer().reasons) == 3
        with pytest.raises(Problem, match=r"one-worker\.a100-0\.a100 no status yet"):
            capacity.await_targets(cluster, NODES, 0.3)

"""tasks.target.gpu_operator: what keeps a cluster from offering GPUs is named, and what differs there for a pattern."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.patterns import gpu_pods, known
from tasks.settings import gpu_offer, paths
from tasks.target import gpu_operator
from tests.unit import own_patterns
from tests.unit.target.somewhere import Api, node

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

ON_GPU = "p2c1"
WORKERS = ("one", "two")
SAMPLE = paths.SAMPLE
CONFIGURATION = "cpugpu-func/p2c1/cm-cpufunc-config.yaml"


@pytest.fixture(autouse=True)
def source(checkout: Path) -> Path:
    """The sample controller, as it is unpacked."""
    del checkout
    shutil.copytree(SAMPLE, paths.CONTROLLER)
    return paths.CONTROLLER / "test/sample-data/sample-data-for-all-in-one" / CONFIGURATION


def cluster(*objects: Object) -> Kube:
    return cast("Kube", Api([*objects]))


def worker(name: str, gpus: int = 0, sharing: str = "") -> Object:
    made = node(name)
    made["status"]["allocatable"] = {gpu_offer.RESOURCE: str(gpus)} if gpus else {}
    made["metadata"]["labels"] = {gpu_offer.SHARING: sharing} if sharing else {}
    return made


def policy(state: str, message: str = "", name: str = "cluster-policy") -> Object:
    conditions = [{"type": "Ready", "status": "False", "message": message}] if message else []
    status: dict[str, Any] = {"state": state, "conditions": conditions}
    version, kind = gpu_offer.POLICY
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "status": status}


def test_a_device_plugin_without_an_operator_is_enough() -> None:
    assert gpu_operator.missing(cluster(worker("one"), worker("two", 1)), WORKERS) == []


def test_a_gpu_on_a_node_that_is_no_worker_does_not_count() -> None:
    (line,) = gpu_operator.missing(cluster(worker("one"), worker("two"), worker("three", 1)), WORKERS)
    assert "neither the GPU operator nor NVIDIA's device plugin offers nvidia.com/gpu on one, two" in line


def test_a_policy_that_is_not_ready_is_named_with_its_message_although_gpus_are_offered() -> None:
    there = cluster(worker("one", 1), policy("notReady", "driver pods are not ready"))
    assert gpu_operator.missing(there, WORKERS) == ["ClusterPolicy cluster-policy: notReady: driver pods are not ready"]


def test_a_policy_beside_the_one_that_counts_does_not_matter() -> None:
    assert gpu_operator.missing(cluster(worker("one", 1), policy("ready"), policy("ignored", name="b")), WORKERS) == []


def test_a_ready_policy_without_a_gpu_on_a_worker_is_said() -> None:
    (line,) = gpu_operator.missing(cluster(worker("one"), worker("two"), policy("ready")), WORKERS)
    assert line.startswith("ClusterPolicy cluster-policy is ready, but none of one, two offers nvidia.com/gpu")


def test_the_pods_of_a_gpu_function_ask_for_no_gpu_and_only_they_are_looked_at() -> None:
    assert [(pod.key in known.named(ON_GPU).on_gpu, pod.is_counted) for pod in gpu_pods.of(known.named(ON_GPU))] == [
        (True, False)
    ]
    assert gpu_pods.of(known.named("calcapp-basic")) == []


def test_a_function_that_looks_for_an_mps_daemon_is_told_to_run_without(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    before = '"imageURI": "localhost/gpufunc_dsa:latest",'
    assert before in text
    folder = '"envs": {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/nvidia-mps"},'
    source.write_text(text.replace('"envs"', '"other"').replace(before, before + folder), encoding="utf-8")
    pattern = known.named(ON_GPU)
    (key,) = pattern.on_gpu
    lines = [*gpu_operator.notices(pattern, cluster(worker("one", 1)))]
    assert lines == [
        gpu_offer.WITHOUT_MPS.format(keys=key, folder="/tmp/nvidia-mps"),
        gpu_offer.UNCOUNTED.format(keys=key),
    ]


def test_a_missing_runtime_class_is_told_where_an_operator_is() -> None:
    pattern = known.named(ON_GPU)
    assert gpu_offer.NO_RUNTIME in [*gpu_operator.notices(pattern, cluster(policy("ready")))]
    version, kind, name = gpu_offer.RUNTIME_CLASS
    runtime = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    assert gpu_offer.NO_RUNTIME not in [*gpu_operator.notices(pattern, cluster(policy("ready"), runtime))]


def test_gpus_that_the_plugins_mps_daemon_has_to_itself_shut_the_functions_out() -> None:
    pattern = known.named(ON_GPU)
    (line,) = gpu_operator.against(pattern, cluster(worker("one", 4, "mps"), worker("two")), WORKERS)
    assert "gets no GPU on one, where the device plugin's MPS daemon has them" in line
    mixed = cluster(worker("one", 4, "mps"), worker("two", 1, "time-slicing"))
    assert gpu_operator.against(pattern, mixed, WORKERS) == []


def test_a_pattern_without_a_gpu_is_neither_refused_nor_commented() -> None:
    there = cluster(worker("one", 4, "mps"), policy("ready"))
    own_patterns.write("mine")
    assert gpu_operator.against(known.named("mine"), there, WORKERS) == []
    assert [*gpu_operator.notices(known.named("mine"), there)] == []

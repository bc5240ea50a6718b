"""tasks.dataflows.gpu_target: the FunctionTarget that a GPU's function needs, and why it never comes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.controller import inventory
from tasks.controller.inventory import Models
from tasks.controller.kinds import COMPUTE_RESOURCE, FUNCTION_TARGET
from tasks.dataflows import gpu_target
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tasks.target.devices import Gpu, Worker
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.scenarios.files import Scenario


def function_info(*kinds: str) -> dict[str, Any]:
    return {"data": {"deployableItems": json.dumps([{"name": kind, "regionType": kind} for kind in kinds])}}


class Asks:
    """A scenario whose functions need a GPU, by default an A100, or are content with a CPU."""

    def __init__(self, *gpus: str) -> None:
        self._gpus = gpus or ("a100",)

    def workers(self) -> tuple[str, ...]:
        return ("kind-worker",)

    def configuration(self) -> list[dict[str, Any]]:
        without_gpu = [{"data": {"x.json": "[]"}}, {}, function_info("cpu"), function_info("cpu", "t4")]
        return [*without_gpu, function_info(*self._gpus)]


def target(status: str, kind: str = "a100") -> Object:
    state = {"status": status, "regionType": kind}
    return {"metadata": {"name": f"kind-worker.{kind}-0.{kind}"}, "status": state}


def books(*kinds: str) -> Object:
    """Return the first worker's ComputeResource with its CPU and, if a kind is given, its GPU."""
    regions = [
        {"name": kind, "type": kind, "deviceType": kind, "deviceIndex": 0, "deviceUUID": UUIDS[kind]}
        for kind in ("cpu", *kinds)
    ]
    return {"metadata": {"name": "compute-kind-worker"}, "status": {"regions": regions}}


UUIDS = {"cpu": "kind-worker-cpu0", "a100": "GPU-1"}
MODELS = Models({"A100": "a100"}, {})
# The workers, and the inventory by which the first one has a GPU.
WORKERS: dict[Kind, list[Object]] = {
    manifests.NODE: [{"metadata": {"name": "kind-worker"}}],
    manifests.CONFIG_MAP: inventory.config_maps([Worker("kind-worker", "", 1, (Gpu(0, "GPU-1", "A100"),))], MODELS),
}


def flow(objects: dict[Kind, list[Object]], *gpus: str) -> Flow:
    functions = Functions(known.named("p2c1"), objects=objects)
    return replace(functions.flow(controller=0.2), scenario=cast("Scenario", Asks(*gpus)))


def test_only_what_a_function_cannot_do_without_is_waited_for() -> None:
    assert gpu_target.choices(Asks().configuration()) == {frozenset({"a100"})}
    assert gpu_target.choices([function_info("cpu")]) == frozenset()


def test_a_target_that_is_ready_lets_the_dataflow_come() -> None:
    gpu_target.wait(flow({FUNCTION_TARGET: [target("Ready")]}))


def test_one_of_the_gpus_that_a_function_runs_on_suffices() -> None:
    gpu_target.wait(flow({FUNCTION_TARGET: [target("Ready", "nvidia-h200")]}, "a100", "nvidia-h200"))
    objects = {FUNCTION_TARGET: [target("NotReady", "nvidia-h200"), target("Ready", "nvidia-l4")]}
    shown = r"type a100 or nvidia-h200: Ready: .*a100 or nvidia-h200 kind-worker\.nvidia-h200-0\.nvidia-h200 NotReady"
    with pytest.raises(Problem, match=shown):
        gpu_target.wait(flow(objects, "a100", "nvidia-h200"))


@pytest.mark.parametrize(
    ("targets", "seen"), [([], "a100 absent"), ([target("NotReady")], r"a100 kind-worker\.a100-0\.a100 NotReady")]
)
def test_one_that_does_not_come_is_named(targets: list[Object], seen: str) -> None:
    objects = {**WORKERS, FUNCTION_TARGET: targets, COMPUTE_RESOURCE: [books("a100")]}
    with pytest.raises(Problem, match=rf"a FunctionTarget of type a100: Ready: .*last seen: {seen}") as caught:
        gpu_target.wait(flow(objects))
    assert "logs daemonset/crc-deviceinfo-daemon" in caught.value.hint


def test_one_that_never_comes_is_not_waited_for_and_what_stands_in_the_way_is_named() -> None:
    objects = {**WORKERS, COMPUTE_RESOURCE: [books()]}
    lacking = r"ComputeResource compute-kind-worker: lacks a100-0\.a100 \(GPU-1\); \./doit create_cluster has it"
    with pytest.raises(Problem, match=lacking):
        gpu_target.wait(flow(objects))


def test_a_worker_that_is_being_counted_again_is_waited_for() -> None:
    with pytest.raises(Problem, match=r"a FunctionTarget of type a100: Ready: .*last seen: a100 absent"):
        gpu_target.wait(flow(WORKERS))

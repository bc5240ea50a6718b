"""tasks.dataflows.room: whether the workers have room for one more dataflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller.kinds import FUNCTION_TARGET
from tasks.dataflows import room
from tasks.dataflows.room import Offer
from tasks.engines.kube import access, manifests
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings.nics import RESOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.kube_api import KubeApi

WORKERS = ("c-worker", "c-worker2")
VFS = "virtual functions"


def short(name: str, *offers: Offer) -> list[str]:
    return [str(shortage) for shortage in room.shortages(known.named(name), WORKERS, offers)]


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        # It names no nodes: all of it may be placed on one worker.
        ("calcapp-sriov", (7, 7)),
        ("calcapp-sriov-multi-worker", (4, 3)),
        ("p2c3-multi-worker", (2, 1)),
        ("p2c1", (0, 0)),
    ],
)
def test_virtual_functions_that_a_pattern_may_take_of_each_worker(name: str, needed: tuple[int, int]) -> None:
    offers = [Offer(node, VFS, 8, 0) for node in WORKERS]
    assert tuple(room.needed(known.named(name), WORKERS, offer) for offer in offers) == needed


def test_a_pattern_does_not_wait_for_more_than_a_worker_has() -> None:
    assert short("calcapp-sriov", Offer("c-worker", VFS, 4, 0)) == []
    assert short("calcapp-sriov", Offer("c-worker", VFS, 4, 1)) == [
        "c-worker has 3 of 4 virtual functions free, 4 are needed"
    ]


def test_functions_on_the_gpu_take_nothing_of_the_cpu() -> None:
    cpu, gpu = Offer("c-worker", "cpu", 110, 108), Offer("c-worker", "a100", 1, 1)
    assert short("p2c1", cpu, gpu) == ["c-worker has 0 of 1 places for functions on a100 free, 1 are needed"]
    assert short("p1c1", cpu, gpu) == []
    assert short("p2c4", cpu) == ["c-worker has 2 of 110 places for functions on cpu free, 3 are needed"]


def pod(node: str, functions: int, phase: str = "Running") -> dict[str, Any]:
    containers = [{"resources": {"limits": {RESOURCE: str(functions)}}}, {"name": "sidecar"}]
    return {
        "metadata": {"name": f"{node}-{functions}", "namespace": "x"},
        "spec": {"nodeName": node, "containers": containers},
        "status": {"phase": phase},
    }


def target(**status: object) -> dict[str, Any]:
    return {"metadata": {"name": "t", "namespace": "default"}, "status": {"nodeName": "c-worker", **status}}


@pytest.mark.usefixtures("checkout")
def test_what_the_cluster_offers(kube_api: KubeApi) -> None:
    kube_api.objects = {
        manifests.NODE: [
            {"metadata": {"name": "c-worker"}, "status": {"allocatable": {RESOURCE: "8"}}},
            {"metadata": {"name": "c-worker2"}, "status": {"allocatable": {"cpu": "2"}}},
        ],
        # Pods that have ended hold nothing; one that waits for a node neither.
        manifests.POD: [pod("c-worker", 3), pod("c-worker", 2, "Failed"), pod("", 1, "Pending")],
        FUNCTION_TARGET: [
            target(regionType="cpu", maxFunctions=110, currentFunctions=7, maxCapacity=120, currentCapacity=20),
            target(regionType="a100", maxCapacity=5, currentCapacity=1),
            target(regionType="new"),
        ],
    }
    kube_api.lead_to("c")
    assert room.offers(access.cluster("c"), RESOURCE) == [
        Offer("c-worker", VFS, 8, 3),
        Offer("c-worker", "cpu", 120, 20),
        Offer("c-worker", "a100", 5, 1),
    ]


def test_a_capacity_that_no_worker_has_is_refused_before_anything_is_deployed(
    checkout: Path, kube_api: KubeApi
) -> None:
    kube_api.objects = {
        FUNCTION_TARGET: [
            target(regionType="cpu", maxCapacity=120, currentCapacity=120),
            target(regionType="cpu", maxCapacity=240),
            target(regionType="a100", maxCapacity=40),
        ]
    }
    kube_api.lead_to("c")
    cluster, pattern = access.cluster("c"), known.named("p2c1")

    def flow(capacity: int) -> dict[str, Any]:
        return {"spec": {"requirements": {"all": {"capacity": capacity}}}}

    room.require(pattern, flow(40), cluster)
    room.require(known.named("p1c1"), flow(240), cluster)
    room.require(pattern, {"spec": {}}, cluster)
    with pytest.raises(Problem) as caught:
        room.require(pattern, flow(41), cluster)
    assert (
        caught.value.message == "p2c1: each of dsa asks for a capacity of 41, but no GPU of a worker has more than 40"
    )
    with pytest.raises(
        Problem, match=r"^p1c1: each of pip, rcv asks for a capacity of 241, but no CPU of a worker has more than 240"
    ):
        room.require(known.named("p1c1"), flow(241), cluster)


def test_what_the_cluster_does_not_offer_yet_is_no_reason(checkout: Path, kube_api: KubeApi) -> None:
    kube_api.objects = {FUNCTION_TARGET: []}
    kube_api.lead_to("c")
    room.require(known.named("p1c1"), {"spec": {"requirements": {"all": {"capacity": 999}}}}, access.cluster("c"))
